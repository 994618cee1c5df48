"""ItemReader: reads the items of a distributed Map from S3, by handlers that stand for S3. Also the ResultWriter.

A handler registered for `arn:aws:states:::s3:getObject` gets the evaluated Parameters (Bucket, Key) and returns what
the service would, `{"Body": ...}`, with the object's content as bytes or text, perhaps compressed by gzip; one for
`arn:aws:states:::s3:listObjectsV2` returns `{"Contents": [...]}`, and is asked again with the ContinuationToken as
long as its answer IsTruncated. Neither result crosses by value. An item of a listing has the five members that AWS
gives it (recorded).

Order, recorded: the Map and its Map Run have started when the object is read, ItemsPath is not looked at, and what
fails in reading fails the Map Run with States.ItemReaderFailed. When Parameters are evaluated is not known: here they
are, as a part of reading, after that. Parquet, manifests and zstd are not supported.

An invalid definition is refused like any other, with AWS's error text where that is known: measured for `Resource` and
the CSV fields (badmintoncryer/cdk-preflight, `pf-sfn-asl-map-distributed`). What the guide merely describes is accepted
unchecked: which members of ReaderConfig belong to which InputType, except for CSV, and what an S3 call requires.

Source: AWS guide "ItemReader (Map)".
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from express.definition import messages
from express.errors import ITEM_READER_FAILED, StateError
from express.expressions.jsonata.fields import build_template as build_query_template
from express.expressions.templates import Template, build_template
from express.foreign import NotJSON
from express.payload import cross, text_of
from express.states.conversation import outcome_of
from express.states.crossing import cross_in
from express.states.flow import read_template
from express.states.item_formats import DELIMITERS, Unreadable, follow, read_csv, read_json, read_json_lines
from express.states.jsonata_fields import read_template_field
from express.states.numbers import Number, read_number
from express.states.task_context import TaskContext

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.definition.fields import Fields
    from express.expressions.jsonata.fields import Template as QueryTemplate
    from express.program import Frame
    from express.states.state import Handler, Surroundings
    from express.types import JSON, Expr

_INPUT_TYPES: Final = ("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")
#: Fields of ReaderConfig that only CSV input has.
_OF_CSV: Final = ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter")
#: Maximum length of ItemsPointer, in characters.
_MAX_POINTER: Final = 1999
#: Maximum of MaxItems; larger values count as this one (recorded).
_MAX_ITEMS: Final = 100_000_000
#: Bytes of one object, uncompressed. AWS reads up to 10 GB; here it is held in memory.
_MAX_BYTES: Final = 256 * 1024 * 1024
_READS: Final = re.compile(r"arn:aws[\w-]*:states:::s3:(?:getObject|listObjectsV2)")
_WRITES: Final = re.compile(r"arn:aws[\w-]*:states:::s3:putObject")
_GZIP: Final = b"\x1f\x8b"
#: The members of a listed object (recorded), and the names of S3's API for them.
_LISTED: Final = {
    "Etag": "ETag",
    "LastModified": "LastModified",
    "Key": "Key",
    "Size": "Size",
    "StorageClass": "StorageClass",
}


class Read(NamedTuple):
    """The items, and where they come from: `$$.Map.Item.Source`."""

    items: JSON
    source: str


ReadItems: TypeAlias = "Callable[[JSON, Frame], Awaitable[Read]]"


@dataclass(slots=True)
class ItemReader:
    """The fields as read. `get` and `list_` are the handlers of the two S3 actions, None for those that nobody serves
    or that are not needed. `headers`: those of CSV data, None if its first row has them."""

    resource: str
    get: Handler | None
    list_: Handler | None
    call: Template | QueryTemplate | None
    kind: str | None = None
    flattens: bool = False
    delimiter: str = "COMMA"
    headers: list[str] | None = None
    pointer: str | None = None
    max_items: Number | None = None

    @property
    def lists(self) -> bool:
        return self.resource.endswith("listObjectsV2")

    def build(self) -> ReadItems:
        call, most_of = self._build_call(), None if self.max_items is None else self.max_items.build()

        async def read(data: JSON, frame: Frame) -> Read:
            # By value, like the payload of a task.
            parameters, _ = cross_in({} if call is None else call(data, frame), frame)
            if not isinstance(parameters, dict):
                raise _failed(f"The arguments of the ItemReader are no object: {text_of(parameters)}")
            most = _MAX_ITEMS
            if most_of is not None:
                given = most_of(data, frame)
                if given is not None and given < 0:
                    raise _failed("field MaxItems must be positive")
                most = int(given or most)
            # A handler may change what it was given.
            source = "S3://" + "/".join(_place(parameters))
            try:
                items = await (self._listed(parameters, frame, most) if self.lists else self._got(parameters, frame))
            except Unreadable as error:
                raise _failed(str(error)) from None
            return Read(_first(items, most), source)

        return read

    def _build_call(self) -> Expr | None:
        if self.call is None or isinstance(self.call, Template):
            return None if self.call is None else build_template(self.call)
        made = build_query_template(self.call)
        return lambda data, scope: made({"input": data}, scope)

    async def _got(self, parameters: dict[str, JSON], frame: Frame) -> JSON:
        """The items in one object. It is parsed in a thread."""
        answer = await self._ask(self.get, "getObject", parameters, frame)
        body = answer.get("Body") if isinstance(answer, dict) else answer
        items = await frame.run.host.call_in_thread(self._parse, body)
        if not isinstance(items, list | dict):
            raise Unreadable("Attempting to map over non-iterable node.")
        return items

    async def _listed(self, parameters: dict[str, JSON], frame: Frame, most: int) -> JSON:
        """The objects that a listing names, or with LOAD_AND_FLATTEN the items in all of them."""
        found = await self._collected(parameters, frame, most)
        try:
            # What the handler has listed is still its own.
            return (await frame.run.host.call_in_thread(cross, found))[0]
        except NotJSON as error:
            raise Unreadable(f"The answer of listObjectsV2 is not JSON: {error}") from None

    async def _collected(self, parameters: dict[str, JSON], frame: Frame, most: int) -> list[JSON]:
        found: list[JSON] = []
        request = parameters
        while True:
            answer = await self._ask(self.list_, "listObjectsV2", request, frame)
            contents = answer.get("Contents", []) if isinstance(answer, dict) else None
            if not isinstance(contents, list) or not all(isinstance(entry, dict) for entry in contents):
                raise Unreadable("The answer of listObjectsV2 has no Contents")
            for entry in contents:
                if self.flattens:
                    items = await self._got({"Bucket": parameters.get("Bucket"), "Key": entry.get("Key")}, frame)
                    found += items if isinstance(items, list) else [items]
                else:
                    found.append({name: _listed_value(entry[key]) for name, key in _LISTED.items() if key in entry})
                if len(found) >= most:
                    return found
            token = answer.get("NextContinuationToken")
            if not answer.get("IsTruncated") or token is None:
                return found
            request = {**parameters, "ContinuationToken": token}
            # A handler that answers at once may have any number of pages.
            await frame.run.host.breathe()

    async def _ask(self, handler: Handler | None, action: str, parameters: dict[str, JSON], frame: Frame) -> Any:
        if handler is None:
            raise _failed(f"Nothing serves arn:aws:states:::s3:{action}")
        arguments: tuple[Any, ...] = (parameters,)
        if handler.wants_context:
            arguments = (parameters, TaskContext(frame, frame.step.name, f"arn:aws:states:::s3:{action}", None, None))
        try:
            return await outcome_of(handler, frame.run.host, *arguments)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a workflow error
            failure = error if isinstance(error, StateError) else handler.failure(error)
            raise _failed(failure.cause or failure.error or "") from None

    def _parse(self, body: Any) -> JSON:
        text = _text(body)
        if self.kind == "CSV":
            return read_csv(text, self.delimiter, self.headers)
        if self.kind == "JSONL":
            return read_json_lines(text)
        if self.kind in {"PARQUET", "MANIFEST"}:
            raise Unreadable(f"The InputType {self.kind} is not available in this runtime.")
        items = read_json(text)
        return items if self.pointer is None else follow(items, self.pointer)


def _failed(cause: str) -> StateError:
    return StateError(ITEM_READER_FAILED, cause)


def _first(items: JSON, most: int) -> JSON:
    if isinstance(items, dict):
        return items if len(items) <= most else dict(list(items.items())[:most])
    return items[:most]


def _place(parameters: dict[str, JSON]) -> list[str]:
    """Bucket and key, as far as there are any."""
    return [str(parameters[name]) for name in ("Bucket", "Key") if name in parameters]


def _listed_value(value: Any) -> JSON:
    """AWS gives times in seconds since the epoch, boto3 as datetimes."""
    return int(value.timestamp()) if isinstance(value, datetime) else value


def _text(body: Any) -> str:
    if hasattr(body, "read"):
        # boto3's StreamingBody, or a file.
        body = body.read(_MAX_BYTES + 1)
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes | bytearray):
        raise Unreadable(f"The Body of the object is a {type(body).__name__}, not bytes or text")
    if body[:2] == _GZIP:
        try:
            body = gzip.GzipFile(fileobj=io.BytesIO(body)).read(_MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise Unreadable(f"The object is not valid gzip: {error}") from None
    if len(body) > _MAX_BYTES:
        raise Unreadable(f"The object has more than {_MAX_BYTES} bytes")
    try:
        return bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"The object is not valid UTF-8: {error}") from None


# --------------------------------------------------------------------------------------------------------------
# read


def read_item_reader(fields: Fields, surroundings: Surroundings) -> ItemReader | None:
    """Read the ItemReader of a Map."""
    entry = fields.object("ItemReader")
    if entry is None:
        return None
    resource = _read_resource(entry, _READS, required=True)
    reader = ItemReader(resource or "", None, None, _read_call(entry))
    config = entry.object("ReaderConfig")
    if config is not None:
        _read_config(config, reader)
        reader.max_items = read_number(config, "MaxItems", "integer", minimum=0)
        config.close()
    if resource is not None:
        _resolve(entry, reader, surroundings)
    entry.close()
    return reader


def _resolve(entry: Fields, reader: ItemReader, surroundings: Surroundings) -> None:
    """Find the handlers; one that is missing is a problem like that of a Task that nobody serves."""
    resolver = surroundings.resolver
    if resolver is None:
        return
    prefix = reader.resource.rpartition(":")[0]
    if reader.lists:
        reader.list_ = resolver.handler(reader.resource)
    if not reader.lists or reader.flattens:
        reader.get = resolver.handler(f"{prefix}:getObject")
    if (reader.lists and reader.list_ is None) or ((not reader.lists or reader.flattens) and reader.get is None):
        surroundings.unresolved.append((entry.child("Resource"), reader.resource))


@dataclass(frozen=True, slots=True)
class ResultWriter:
    """What becomes of the outputs of the children. `exports`: they go to S3, or records of the children are wanted;
    a Map with such a writer fails when it is reached. `flattens`: the members of outputs that are arrays are put out
    one by one (WriterConfig without a Resource; AWS guide "ResultWriter (Map)")."""

    exports: bool = False
    flattens: bool = False


def read_result_writer(fields: Fields) -> ResultWriter:
    """Read the ResultWriter of a Map."""
    writer = fields.object("ResultWriter")
    if writer is None:
        return ResultWriter()
    if not writer.value:
        # "The ResultWriter field cannot be empty" (AWS guide); the error text is that of other fields that cannot be
        # empty.
        fields.report("ResultWriter", messages.EMPTY)
    # AWS's text for a wrong one is measured for an ItemReader only.
    _read_resource(writer, _WRITES, required=False)
    _read_call(writer)
    transformation = None
    config = writer.object("WriterConfig")
    if config is not None:
        transformation = config.one_of("Transformation", ("NONE", "COMPACT", "FLATTEN"))
        config.one_of("OutputType", ("JSON", "JSONL"))
        config.close()
    writer.close()
    return ResultWriter(writer.has("Resource") or transformation == "NONE", transformation == "FLATTEN")


def _read_resource(entry: Fields, allowed: re.Pattern[str], *, required: bool) -> str | None:
    text = entry.text("Resource", required=required)
    if text is not None and "${" not in text and allowed.fullmatch(text) is None:
        entry.report("Resource", messages.no_allowed_value("Resource"))
        return None
    return text


def _read_call(entry: Fields) -> Template | QueryTemplate | None:
    """The arguments of the S3 call."""
    return read_template_field(entry, "Arguments") if entry.is_jsonata else read_template(entry, "Parameters")


def _read_config(config: Fields, reader: ItemReader) -> None:
    reader.kind = kind = config.one_of("InputType", _INPUT_TYPES)
    reader.flattens = config.one_of("Transformation", ("NONE", "LOAD_AND_FLATTEN")) == "LOAD_AND_FLATTEN"
    config.one_of("ManifestType", ("ATHENA_DATA", "S3_INVENTORY"))
    reader.pointer = config.text("ItemsPointer", max_length=_MAX_POINTER)
    if kind != "CSV":
        for name in _OF_CSV if kind is not None else ():
            config.forbid(name, messages.unsupported_field(name))
        return
    location = config.one_of("CSVHeaderLocation", ("FIRST_ROW", "GIVEN"))
    if not config.has("CSVHeaderLocation"):
        config.report(None, messages.required_field("CSVHeaderLocation"))
    headers = config.texts("CSVHeaders", required=location == "GIVEN")
    reader.headers = list(headers) if location == "GIVEN" and headers else None
    reader.delimiter = config.one_of("CSVDelimiter", tuple(DELIMITERS)) or "COMMA"
