"""Logging, tracing and encryption of a machine: validation and defaults.

The configurations are stored and shown as at AWS, without effect: this endpoint sends nothing to CloudWatch Logs or
X-Ray and encrypts nothing, so every log group and every key is taken to exist.

Sources: AWS guide "Logging in CloudWatch Logs"; defaults and messages recorded, except for that of an ARN without `:*`,
which is quoted in hashicorp/terraform-provider-aws#17683.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from express.service.errors import ServiceError, invalid_logging
from express.service.machines import Configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

OFF: Final = "OFF"
_ONE_DESTINATION: Final = "Must specify exactly one Log Destination."
_LOG_GROUP: Final = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:[^:]")
_CUSTOMER_KEY: Final = "CUSTOMER_MANAGED_KMS_KEY"


def read_configuration(request: Mapping[str, Any], previous: Configuration | None = None) -> Configuration:
    """The configurations of a request; what it omits is taken from `previous`, or is AWS's default.

    Raises ServiceError InvalidLoggingConfiguration or InvalidEncryptionConfiguration.
    """
    logging = request.get("loggingConfiguration")
    tracing = request.get("tracingConfiguration")
    encryption = request.get("encryptionConfiguration")
    return Configuration(
        previous.logging if logging is None and previous else _logging(logging or {}),
        previous.tracing if tracing is None and previous else {"enabled": False, **(tracing or {})},
        previous.encryption if encryption is None and previous else read_encryption(encryption),
    )


def _logging(asked: Mapping[str, Any]) -> dict[str, Any]:
    level = asked.get("level", OFF)
    destinations = asked.get("destinations")
    if len(destinations or ()) > 1 or (level != OFF and not destinations):
        raise invalid_logging(_ONE_DESTINATION)
    for destination in destinations or ():
        _check_destination(destination)
    shown = {"level": level, "includeExecutionData": asked.get("includeExecutionData", False)}
    return shown if destinations is None else {**shown, "destinations": destinations}


def _check_destination(destination: Mapping[str, Any]) -> None:
    arn = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn")
    if arn is None:
        raise invalid_logging(_ONE_DESTINATION)
    if not _LOG_GROUP.match(arn):
        raise invalid_logging("Log Destination not found.")
    if not arn.endswith(":*"):
        raise invalid_logging("Log Group ARN must be provided with '*' qualifier.")


def read_encryption(asked: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """An encryptionConfiguration as the API shows it. Raises ServiceError InvalidEncryptionConfiguration."""
    if asked is None:
        return {"type": "AWS_OWNED_KEY"}
    if (asked["type"] == _CUSTOMER_KEY) != ("kmsKeyId" in asked):
        message = f"Invalid Encryption Configuration: kmsKeyId belongs to the type {_CUSTOMER_KEY} and to no other."
        raise ServiceError("InvalidEncryptionConfiguration", message)
    return asked
