"""Pickles that do more than rebuild tensors, each written opcode by opcode, and what each does when it is loaded.

`event` is what a loader is seen to do: the name of an audit event that Python raises, or `sys.path` if that has
changed. None means that CPython's unpickler does nothing, or refuses the pickle: another reader, or a program
that has registered an extension, may not.
"""

from __future__ import annotations

import marshal
import struct
import zlib
from typing import NamedTuple


class Case(NamedTuple):
    """A hostile file."""

    name: str
    data: bytes
    event: str | None


def text(value: str) -> bytes:
    """Push text as protocol 4 does."""
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def old(value: str) -> bytes:
    """Push text as Python 2 did."""
    return b"U" + bytes([len(value)]) + value.encode()


def text2(value: str) -> bytes:
    """Push text as protocol 2 does."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    """Push a global as protocol 0 does."""
    return f"c{module}\n{attribute}\n".encode()


def name4(module: str, attribute: str) -> bytes:
    """Push a global as protocol 4 does."""
    return text(module) + text(attribute) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    """Push what a call returns."""
    return function + b"(" + b"".join(arguments) + b"tR"


def body(operations: bytes, protocol: int = 4) -> bytes:
    """A whole pickle."""
    return b"\x80" + bytes([protocol]) + operations + b"."


NOTHING = text("None")  # source of a program that does nothing
EXEC = call(name4("builtins", "exec"), NOTHING)
EXEC_0 = b"c__builtin__\neval\n(S'None'\ntR"
SHELL = call(name("os", "system"), b"V:\n")
EXEC_ALL = call(name("builtins", "map"), name("builtins", "exec"), b"(V" + b"None\nl")
LISTED = body(name("collections", "OrderedDict") + b")R", 2)


def _straddled_frame() -> bytes:
    """Old C unpicklers lose the rest of a frame that an argument leaves; others read on behind it."""
    hidden = b"0" + EXEC + b"."
    seen = b"C" + bytes([len(hidden)])  # hides the rest from those who do not lose these two bytes
    frame = b"X" + struct.pack("<I", 10) + b"12"
    start = b"\x80\x04\x95" + struct.pack("<Q", len(frame)) + frame
    return start + b"34567890" + seen + hidden + b"0."


def _function() -> bytes:
    code = marshal.dumps(compile("__import__('os').system(':')", "<string>", "exec"))
    loaded = call(name("marshal", "loads"), b"C" + bytes([len(code)]) + code)
    return call(call(name("types", "FunctionType"), loaded, b"}"))


def _built(target: bytes, *fields: bytes) -> bytes:
    """Set attributes by the second half of a state."""
    return target + b"N}(" + b"".join(fields) + b"u\x86b"


def _numpy_size() -> bytes:
    """numpy.size, which has become a way to read attributes of what stands in for its argument."""
    size, builtins = name4("numpy", "size") + b"\x94", name4("numpy", "__builtins__") + b"\x94"
    start = size + b"0" + builtins + b"0"
    built = b"h\x00}}" + text("shape") + b"h\x01s\x86b0"
    return start + built + call(call(b"h\x00", b"h\x00", text("eval")), NOTHING)


def _numpy_prod() -> bytes:
    """Names are kept as attributes of a function, and come back as values."""
    prod = name4("numpy", "prod")
    set_both = _built(prod, text("a"), text("os"), text("b"), text("system"))
    return (
        set_both
        + b"0"
        + name4("numpy", "prod.a")
        + name4("numpy", "prod.b")
        + b"\x93"
        + text(":")
        + b"\x85R"
    )


def _memo_confusion() -> bytes:
    """MEMOIZE counts what PUT has stored, too."""
    stored = text("os") + b"q\x00" + text("system") + b"q\x01"
    shown = text("torch._utils") + b"\x94" + text("_rebuild_tensor_v2") + b"\x94"
    return stored + shown + b"h\x00h\x01\x93" + text(":") + b"\x85R"


def _memo_replaced() -> bytes:
    first = text("collections") + b"q\x05" + text("OrderedDict") + b"q\x06"
    again = text("os") + b"q\x05" + text("system") + b"q\x06"
    return first + again + b"00" + b"h\x05h\x06\x93" + text(":") + b"\x85R"


def _tensor_of(function: bytes) -> bytes:
    return call(function, call(name("collections", "OrderedDict")), b"K\x00", b")", b")")


def _typed_array(kind: str, flags: bytes) -> bytes:
    """An array whose type has flags or a size that numpy does not give it: numbers become addresses."""
    made = call(name("numpy", "dtype"), text(kind), b"\x89", b"\x88")
    less = b"J\xff\xff\xff\xff"
    made += b"(K\x03" + text("<") + b"NNN" + less + less + b"K" + flags + b"tb"
    empty = call(
        name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b"
    )  # fmt: skip
    return empty + b"(K\x01K\x00\x85" + made + b"\x89C\x00tb"


BYTES_NAMES = b"C\x02osC\x06system\x93" + text(":") + b"\x85R"
NESTED = body(b"V:\n0" + EXEC)  # ASCII but for its opcodes, so latin1 carries it
LATIN = (
    b"X"
    + struct.pack("<I", len(NESTED.decode("latin1").encode()))
    + NESTED.decode("latin1").encode()
)
PACKED = zlib.compress(NESTED)

# Ways to reach and call a function.
CALLS = (
    Case("global", body(SHELL, 2), "os.system"),
    Case("global of protocol 0", SHELL + b".", "os.system"),
    Case("stack global", body(call(name4("os", "system"), text(":"))), "os.system"),
    Case("instance", b"(V:\nios\nsystem\n.", "os.system"),
    Case("object", body(b"(cos\nsystem\nV:\no", 1)[2:], "os.system"),
    Case("new object", body(name("builtins", "tuple") + EXEC_ALL + b"\x85\x81", 2), "exec"),
    Case(
        "new object with keywords",
        body(name("builtins", "tuple") + EXEC_ALL + b"\x85}\x92"),
        "exec",
    ),
    Case("name only, which imports", body(name("colorsys", "rgb_to_hsv"), 2), "import"),
    Case("name that is thrown away", body(name("colorsys", "rgb_to_hsv") + b"0N", 2), "import"),
    Case("extension", body(b"\x82\xc8" + text(":") + b"\x85R"), "os.system"),
    Case("extension of two bytes", body(b"\x83\xc8\x00" + text(":") + b"\x85R"), "os.system"),
    Case(
        "extension of four bytes", body(b"\x84\xc8\x00\x00\x00" + text(":") + b"\x85R"), "os.system"
    ),
    Case("persistent id", body(text("id") + b"Q"), None),
    Case("persistent id as text", b"Pid\n.", None),
    Case(
        "item of a mapping that is no dict",
        body(name("os", "environ") + text("A") + text("b") + b"s"),
        "os.putenv",
    ),
    Case(
        "items of a mapping that is no dict",
        body(name("os", "environ") + b"(" + text("A") + text("b") + b"u"),
        "os.putenv",
    ),
    Case(
        "item of a list that a module has",
        body(name("sys", "path") + text("/nowhere") + b"a"),
        "sys.path",
    ),
    Case(
        "items of a list that a module has",
        body(name("sys", "path") + b"(" + text("/nowhere") + b"e"),
        "sys.path",
    ),
    Case("mark around", b"(" + body(b"(1" + EXEC), "exec"),
    Case("result thrown away", body(EXEC + b"0N"), "exec"),
    Case("result above a mark thrown away", body(b"(" + EXEC + b"1N"), "exec"),
    Case("function twice", body(name4("builtins", "exec") + b"20" + NOTHING + b"\x85R"), "exec"),
)
# Names that do not stand in the file as they are looked up.
NAMES = (
    Case("name of Python 2", EXEC_0 + b".", "exec"),
    Case(
        "module of Python 2",
        body(call(name("commands", "getoutput"), text2(":")), 2),
        "subprocess.Popen",
    ),
    Case("dotted name", body(call(name4("logging", "os.system"), text(":"))), "os.system"),
    Case(
        "dotted name in a module of the list",
        body(name4("collections", "_sys.path") + text("/nowhere") + b"a"),
        "sys.path",
    ),
    Case(
        "names from the memo",
        body(
            text("os")
            + b"p10\n"
            + text("system")
            + b"r\x0b\x00\x00\x0000g10\nj\x0b\x00\x00\x00\x93"
            + text(":")
            + b"\x85R"
        ),
        "os.system",
    ),
    Case("memo that is counted", body(_memo_confusion()), "os.system"),
    Case("memo that is replaced", body(_memo_replaced()), "os.system"),
    Case(
        "memo index with an underscore",
        body(text("os") + b"p1_0\n" + text("system") + b"\x93" + text(":") + b"\x85R"),
        "os.system",
    ),
    Case(
        "text with escapes",
        body(b"V\\u006fs\n" + text("system") + b"\x93" + text(":") + b"\x85R"),
        "os.system",
    ),
    Case("old text", body(old("os") + old("system") + b"\x93" + text(":") + b"\x85R"), "os.system"),
    Case(
        "old text with escapes",
        body(b"S'o\\x73'\n" + text("system") + b"\x93" + text(":") + b"\x85R"),
        "os.system",
    ),
    Case(
        "long text",
        body(
            b"\x8d" + struct.pack("<Q", 2) + b"os" + text("system") + b"\x93" + text(":") + b"\x85R"
        ),
        "os.system",
    ),
    Case("name of bytes", body(BYTES_NAMES), None),
    Case("name of a number", body(b"K\x2a" + text("os") + b"\x93"), None),
    Case(
        "name of a byte array",
        body(text("os") + b"\x96" + struct.pack("<Q", 6) + b"system\x93", 5),
        None,
    ),
    Case("name with a carriage return", body(b"ccollections\r\nOrderedDict\n)R", 2), None),
    Case("name that is not UTF-8", body(b"ccollections\nOrderedDict\xff\n)R", 2), None),
    Case("name that looks alike", body(name("c\u043ellections", "OrderedDict") + b")R", 2), None),
    Case("name in another case", body(name("Collections", "OrderedDict") + b")R", 2), None),
    Case("attributes of a function", body(_numpy_prod()), "os.system"),
    Case("attributes of numpy.size", body(_numpy_size()), None),
)
# Functions through which others are called, which lists of forbidden ones have missed.
FUNCTIONS = (
    Case(
        "partial",
        body(call(call(name("functools", "partial"), name("builtins", "exec"), NOTHING))),
        "exec",
    ),
    Case(
        "operator.methodcaller",
        body(
            call(
                call(name("operator", "methodcaller"), text("system"), text(":")),
                call(name("importlib", "import_module"), text("os")),
            )
        ),
        "os.system",
    ),
    Case(
        "getattr",
        body(
            call(
                call(
                    name("builtins", "getattr"),
                    call(name("importlib", "import_module"), text("os")),
                    text("system"),
                ),
                text(":"),
            )
        ),
        "os.system",
    ),
    Case(
        "pkgutil.resolve_name",
        body(call(call(name("pkgutil", "resolve_name"), text("os:system")), text(":"))),
        "os.system",
    ),
    Case("import", body(call(name("builtins", "__import__"), text("colorsys"))), "import"),
    Case(
        "_reconstructor",
        body(
            call(
                name("copyreg", "_reconstructor"),
                name("builtins", "tuple"),
                name("builtins", "tuple"),
                EXEC_ALL,
            )
        ),
        "exec",
    ),
    Case(
        "_reconstructor of Python 2",
        body(
            call(
                name("copy_reg", "_reconstructor"),
                name("builtins", "tuple"),
                name("builtins", "tuple"),
                EXEC_ALL,
            ),
            2,
        ),
        "exec",
    ),
    Case(
        "pickle in a pickle",
        body(
            call(name("_pickle", "loads"), call(name("_codecs", "encode"), LATIN, text("latin1")))
        ),
        "exec",
    ),
    Case(
        "compressed pickle in a pickle",
        body(
            call(
                name("pickle", "loads"),
                call(name("zlib", "decompress"), b"C" + bytes([len(PACKED)]) + PACKED),
            )
        ),
        "exec",
    ),
    Case("function made of its code", body(_function()), "os.system"),
    Case(
        "timeit",
        body(call(name("timeit", "timeit"), NOTHING, NOTHING, name("time", "time"), b"K\x01")),
        "exec",
    ),
    Case("cProfile", body(call(name("cProfile", "run"), NOTHING, text("/dev/null"))), "exec"),
    Case(
        "runpy",
        body(
            call(
                name("runpy", "_run_code"),
                call(name("builtins", "compile"), NOTHING, text("<string>"), text("exec")),
                b"}",
            )
        ),
        "exec",
    ),
    Case("bdb", body(call(name("bdb", "Bdb.runeval"), b"N")), None),
    Case(
        "numpy runstring",
        body(call(name("numpy.testing._private.utils", "runstring"), NOTHING, b"}")),
        "exec",
    ),
    Case(
        "numpy f2py",
        body(call(name("numpy.f2py.crackfortran", "myeval"), NOTHING, b"}", b"}")),
        "exec",
    ),
    Case("uuid", body(call(name("uuid", "_get_command_stdout"), text("true"))), "subprocess.Popen"),
    Case(
        "posix_spawn",
        body(call(name("os", "posix_spawn"), text("/bin/true"), b"(" + text("true") + b"t", b"}")),
        "os.posix_spawn",
    ),
    Case(
        "write a file", body(call(name("builtins", "open"), text("/dev/null"), text("w"))), "open"
    ),
    Case(
        "read a URL",
        body(call(name("urllib.request", "urlopen"), text("file:///dev/null"))),
        "urllib.Request",
    ),
)
# Functions of the list with arguments that no writer gives them.
ARGUMENTS = (
    Case("items that call", body(call(name("collections", "OrderedDict"), EXEC_ALL)), "exec"),
    Case(
        "encoding that is imported",
        body(call(name("_codecs", "encode"), text("a"), text("rot13"))),
        "import",
    ),
    Case(
        "encoding of an object",
        body(call(name("_codecs", "encode"), EXEC_ALL, text("latin1"))),
        None,
    ),
    Case(
        "array of another class",
        body(
            call(
                name("numpy.core.multiarray", "_reconstruct"),
                name("numpy", "memmap"),
                b"K\x00\x85",
                b"C\x01b",
            )
        ),
        None,
    ),
    Case(
        "array of objects",
        body(
            call(
                name("numpy.core.multiarray", "_reconstruct"),
                name("numpy", "ndarray"),
                b"K\x00\x85",
                b"C\x01b",
            )
            + b"(K\x01K\x01\x85"
            + call(name("numpy", "dtype"), text("O8"), b"\x89", b"\x88")
            + b"\x89]("
            + EXEC
            + b"etb"
        ),
        "exec",
    ),
    Case("type with fields", body(call(name("numpy", "dtype"), text("i4,O"))), None),
    Case("type with flags of objects", body(_typed_array("f8", b"\x3f")), None),
    Case("type of a negative size", body(_typed_array("S8", b"\x00")), None),
    Case(
        "type with metadata",
        body(
            call(name("numpy", "dtype"), text("f8"), b"\x89", b"\x88")
            + b"(K\x03"
            + text("<")
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00}tb"
        ),
        None,
    ),
    Case(
        "methods of a dict",
        body(
            call(name("collections", "OrderedDict")) + b"}" + text("__reduce__") + text("x") + b"sb"
        ),
        None,
    ),
    Case(
        "class of a dict",
        body(
            call(name("collections", "OrderedDict"))
            + b"N}"
            + text("__class__")
            + name("collections", "Counter")
            + b"s\x86b"
        ),
        None,
    ),
    Case("function as data", body(b"}" + text("hook") + name("_codecs", "encode") + b"s"), None),
    Case(
        "tensor without storage", body(_tensor_of(name("torch._utils", "_rebuild_tensor")), 2), None
    ),
    Case(
        "tensor of another type",
        body(
            call(
                name("torch._utils", "_rebuild_from_type_v2"),
                name("os", "system"),
                name("torch", "Tensor"),
                b"V:\n\x85",
                b"N",
            ),
            2,
        ),
        None,
    ),
    Case(
        "storage that is a pickle",
        body(
            call(name("torch.storage", "_load_from_bytes"), b"C" + bytes([len(NESTED)]) + NESTED), 3
        ),
        None,
    ),
)
# Files that make a scanner stop, or read something else than an unpickler does.
READING = (
    Case("value missing in the memo behind", body(EXEC + b"0h\xff"), "exec"),
    Case("unknown opcode behind", body(EXEC + b"\xff"), "exec"),
    Case("unknown protocol behind", body(EXEC + b"\x80\x99"), "exec"),
    Case("no end", body(EXEC)[:-1], "exec"),
    Case("nothing on the stack behind", body(EXEC + b"00"), "exec"),
    Case("text that is not UTF-8 behind", body(EXEC + b"0\x8c\x01\xff"), "exec"),
    Case("text that is longer than the file behind", body(EXEC + b"0B\xff\xff\xff\x7f"), "exec"),
    Case("value that cannot be a key behind", body(EXEC + b"0}]Ns"), "exec"),
    Case("number that is none behind", body(EXEC + b"0Ix\n"), "exec"),
    Case("more than one value at the end", body(EXEC + b"NN"), "exec"),
    Case("mark at the end", body(EXEC + b"(N"), "exec"),
    Case("second pickle", body(b"N") + body(EXEC), "exec"),
    Case("second pickle after one of the list", LISTED + body(SHELL, 2), "os.system"),
    Case("opcodes after the end", b"N." + SHELL + b".", "os.system"),
    Case("bytes after the end", LISTED + b"\0", None),
    Case("lower protocol than its opcodes", body(EXEC, 0), "exec"),
    Case("no protocol", EXEC + b".", "exec"),
    Case("protocol in the middle", body(b"\x80\x02" + EXEC), "exec"),
    Case("frame that an argument leaves", _straddled_frame(), "exec"),
    Case(
        "frame in a frame",
        b"\x80\x04\x95"
        + struct.pack("<Q", 9)
        + b"\x95"
        + struct.pack("<Q", len(EXEC) + 1)
        + EXEC
        + b".",
        "exec",
    ),
    Case("frame that is shorter", b"\x80\x04\x95" + struct.pack("<Q", 3) + EXEC + b".", "exec"),
    Case("float of protocol 0 before", body(b"F1.5\n0" + EXEC), "exec"),
    Case("byte array before", body(b"\x96" + bytes(8) + b"0" + EXEC, 5), "exec"),
    Case(
        "bytes of a mebibyte before",
        body(b"B" + struct.pack("<I", 1 << 20) + bytes(1 << 20) + b"0" + EXEC),
        "exec",
    ),
    Case("thousands of values before", body(b"N0" * 5000 + EXEC), "exec"),
    Case("hundreds of marks before", body(b"(" * 500 + b"1" * 500 + EXEC), "exec"),
)
CASES = (*CALLS, *NAMES, *FUNCTIONS, *ARGUMENTS, *READING)
