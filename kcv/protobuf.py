"""Declare protobuf messages by name and number, without generated code.

Generated modules register their messages in one pool for the whole process,
where a second declaration of the same name is an error; what is declared here
goes into a pool of the caller's own.
"""

from collections.abc import Mapping
from collections.abc import Sequence

from google.protobuf import descriptor_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
    "double": _FIELD.TYPE_DOUBLE,
    "float": _FIELD.TYPE_FLOAT,
    "int32": _FIELD.TYPE_INT32,  # also enums: the same varint on the wire
    "int64": _FIELD.TYPE_INT64,
    "string": _FIELD.TYPE_STRING,
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
}

Fields = Mapping[str, tuple[int, str]]


def declare(
    package: str,
    messages: Mapping[str, Fields],
    dependencies: Sequence[str] = (),
) -> bytes:
    """Declare the messages of a package, as a file of proto3.

    Args:
        package: The package's name.
        messages: The fields of each message, "name": (number, type). A type
            is a scalar's name or a message's full name; a leading "*" is
            `repeated`, a leading "map " a map from strings. "Outer.Inner" is
            a message within another.
        dependencies: Names of the files whose messages these use;
            "kcv/PACKAGE.proto" for one that was declared here. Defaults to
            none.

    Returns:
        The serialized FileDescriptorProto "kcv/PACKAGE.proto", for
        `DescriptorPool.AddSerializedFile`.

    Example:

    >>> from google.protobuf import descriptor_pool
    >>> pool = descriptor_pool.DescriptorPool()
    >>> file = declare("zoo", {"Cat": {"name": (1, "string")}})
    >>> _ = pool.AddSerializedFile(file)
    >>> pool.FindMessageTypeByName("zoo.Cat").fields[0].name
    'name'
    """
    file = descriptor_pb2.FileDescriptorProto(
        name=f"kcv/{package}.proto",
        package=package,
        syntax="proto3",
        dependency=dependencies,
    )
    declared = {}
    for name, fields in messages.items():
        outer, _, inner = name.partition(".")
        if outer not in declared:
            declared[outer] = file.message_type.add(name=outer)
        message = declared[outer]
        if inner:
            message = message.nested_type.add(name=inner)
        for field_name, (number, kind) in fields.items():
            _add_field(message, field_name, number, kind, f"{package}.{name}")
    return file.SerializeToString()


def _add_field(message, name, number, kind, full_name):
    field = message.field.add(name=name, number=number)
    field.label = _FIELD.LABEL_OPTIONAL
    if kind.startswith("map "):
        entry = message.nested_type.add(
            name=name.title().replace("_", "") + "Entry"
        )
        entry.options.map_entry = True
        entry_name = f"{full_name}.{entry.name}"
        _add_field(entry, "key", 1, "string", entry_name)
        _add_field(entry, "value", 2, kind[4:], entry_name)
        kind = "*" + entry_name
    if kind.startswith("*"):
        field.label = _FIELD.LABEL_REPEATED
        kind = kind[1:]
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = "." + kind
