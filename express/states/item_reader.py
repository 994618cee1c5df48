"""ItemReader and ResultWriter: where in S3 a distributed Map reads its items and writes its results.

Nothing here is evaluated: a Map with either of them fails when it is reached (`distributed`). An invalid definition is
refused like any other, with AWS's error text where that is known: measured for `Resource` of an ItemReader and the CSV
fields (badmintoncryer/cdk-preflight, `pf-sfn-asl-map-distributed`), for `Resource` of a ResultWriter by analogy. What
the guide merely describes ("ItemReader", "ResultWriter") is accepted unchecked: which members of ReaderConfig belong
to which InputType, except for CSV, and what an S3 call requires.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from express.definition import messages
from express.states.flow import read_template
from express.states.jsonata_fields import read_template_field
from express.states.numbers import read_number

if TYPE_CHECKING:
    from express.definition.fields import Fields

_INPUT_TYPES: Final = ("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")
_DELIMITERS: Final = ("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")
#: Fields of ReaderConfig that only CSV input has.
_OF_CSV: Final = ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter")
#: Maximum length of ItemsPointer, in characters (AWS guide "ItemReader (Map)").
_MAX_POINTER: Final = 1999
_READS: Final = re.compile(r"arn:aws[\w-]*:states:::s3:(?:getObject|listObjectsV2)")
_WRITES: Final = re.compile(r"arn:aws[\w-]*:states:::s3:putObject")


def read_item_reader(fields: Fields) -> bool:
    """Read the ItemReader of a Map; returns whether there is one."""
    reader = fields.object("ItemReader")
    if reader is None:
        return False
    _read_resource(reader, _READS, required=True)
    _read_call(reader)
    config = reader.object("ReaderConfig")
    if config is not None:
        _read_config(config)
        read_number(config, "MaxItems", "integer", minimum=0)
        config.close()
    reader.close()
    return True


def read_result_writer(fields: Fields) -> bool:
    """Read the ResultWriter of a Map; returns whether there is one."""
    writer = fields.object("ResultWriter")
    if writer is None:
        return False
    if not writer.value:
        # "The ResultWriter field cannot be empty" (AWS guide); the error text is that of other fields that cannot be
        # empty.
        fields.report("ResultWriter", messages.EMPTY)
    _read_resource(writer, _WRITES, required=False)
    _read_call(writer)
    config = writer.object("WriterConfig")
    if config is not None:
        config.one_of("Transformation", ("NONE", "COMPACT", "FLATTEN"))
        config.one_of("OutputType", ("JSON", "JSONL"))
        config.close()
    writer.close()
    return True


def _read_resource(entry: Fields, allowed: re.Pattern[str], *, required: bool) -> None:
    text = entry.text("Resource", required=required)
    if text is not None and "${" not in text and allowed.fullmatch(text) is None:
        entry.report("Resource", messages.no_allowed_value("Resource"))


def _read_call(entry: Fields) -> None:
    """Read the arguments of the S3 call: its expressions must be valid although they are never evaluated."""
    if entry.is_jsonata:
        read_template_field(entry, "Arguments")
    else:
        read_template(entry, "Parameters")


def _read_config(config: Fields) -> None:
    kind = config.one_of("InputType", _INPUT_TYPES)
    config.one_of("Transformation", ("NONE", "LOAD_AND_FLATTEN"))
    config.one_of("ManifestType", ("ATHENA_DATA", "S3_INVENTORY"))
    config.text("ItemsPointer", max_length=_MAX_POINTER)
    if kind != "CSV":
        for name in _OF_CSV if kind is not None else ():
            config.forbid(name, messages.unsupported_field(name))
        return
    location = config.one_of("CSVHeaderLocation", ("FIRST_ROW", "GIVEN"))
    if not config.has("CSVHeaderLocation"):
        config.report(None, messages.required_field("CSVHeaderLocation"))
    config.texts("CSVHeaders", required=location == "GIVEN")
    config.one_of("CSVDelimiter", _DELIMITERS)
