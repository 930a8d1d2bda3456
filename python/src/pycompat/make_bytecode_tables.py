"""Writes bytecode_tables.h for the Python that runs this: numbers, caches and kinds of its opcodes.

Run by the build: python make_bytecode_tables.py OUTPUT
"""
import dis
import opcode
import sys

MAP = dict(dis.opmap)
for _name, _number in getattr(opcode, "_specialized_opmap", {}).items():
    MAP.pop(_name, None)

# numbers that bytecode.c asks for by name; -1 when this Python has no such opcode
NAMED = """EXTENDED_ARG PRECALL LOAD_ATTR LOAD_GLOBAL BINARY_OP BINARY_SUBSCR CALL COPY_FREE_VARS
DELETE_DEREF DELETE_FAST JUMP_FORWARD LOAD_CONST LOAD_DEREF MAKE_CELL NOP POP_TOP PUSH_EXC_INFO
PUSH_NULL RERAISE RESUME RETURN_GENERATOR STORE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST
SEND YIELD_VALUE CHECK_EXC_MATCH POP_EXCEPT SWAP POP_JUMP_IF_FALSE POP_JUMP_FORWARD_IF_FALSE
FORMAT_VALUE FORMAT_WITH_SPEC CONVERT_VALUE""".split()
# what the analysis and its users know by name: RP_MEANS_...
MEANINGS = {
    "FOR": "FOR_ITER",
    "GET_ITERATOR": "GET_ITER",
    "CALL": "CALL",
    "CALL_KEYWORDS": "CALL_KW",
    "CALL_SPREAD": "CALL_FUNCTION_EX",
    "CALL_EXIT": "WITH_EXCEPT_START",
    "PRECALL": "PRECALL",
    "KEYWORD_NAMES": "KW_NAMES",
    "ATTRIBUTE": "LOAD_ATTR LOAD_METHOD",
    "CONSTANT": "LOAD_CONST",
    "STORE_NAME": "STORE_NAME",
    "COPY": "COPY",
    "SWAP": "SWAP",
    "PUSH_HANDLED": "PUSH_EXC_INFO",
    "MAKE_GENERATOR": "RETURN_GENERATOR",
    "YIELD": "YIELD_VALUE",
    "SEND": "SEND",
    "RESUME": "RESUME",
    "LOOP": "JUMP_BACKWARD",
    "LOOP_IF_TRUE": "POP_JUMP_BACKWARD_IF_TRUE",
    "LOOP_IF_FALSE": "POP_JUMP_BACKWARD_IF_FALSE",
    "LOOP_IF_NONE": "POP_JUMP_BACKWARD_IF_NONE",
    "LOOP_IF_NOT_NONE": "POP_JUMP_BACKWARD_IF_NOT_NONE",
    "COMPARE": "COMPARE_OP",
    "END_ASYNC_FOR": "END_ASYNC_FOR",
    "ENTER": "BEFORE_WITH",
    "SUBSCRIPT": "BINARY_SUBSCR",
    "SLICE": "BINARY_SLICE",
    "BINARY": "BINARY_OP",
    "NEGATIVE": "UNARY_NEGATIVE",
    "POSITIVE": "UNARY_POSITIVE",
    "INVERT": "UNARY_INVERT",
    "SET_ATTRIBUTE": "STORE_ATTR",
    "DELETE_ATTRIBUTE": "DELETE_ATTR",
    "SET_ITEM": "STORE_SUBSCR",
    "DELETE_ITEM": "DELETE_SUBSCR",
    "SET_SLICE": "STORE_SLICE",
    "EXTEND": "LIST_EXTEND SET_UPDATE",
    "CONTAINS": "CONTAINS_OP",
    "UNPACK": "UNPACK_SEQUENCE UNPACK_EX",
    "FORMAT": "FORMAT_VALUE FORMAT_SIMPLE FORMAT_WITH_SPEC CONVERT_VALUE",
    "NOTHING": "POP_TOP NOP NOT_TAKEN",
}
# asks whether its operand is true; until 3.12 the jumps do so themselves
MEANINGS["TEST"] = "TO_BOOL" if sys.version_info >= (3, 13) else """UNARY_NOT POP_JUMP_IF_TRUE
    POP_JUMP_IF_FALSE POP_JUMP_FORWARD_IF_TRUE POP_JUMP_FORWARD_IF_FALSE"""
# how many entries an opcode takes off the stack: a number, or one with what its argument adds for
# each, for opcodes that the check of records follows; all others may take any
TAKES = {
    "0": """NOP RESUME JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT PUSH_NULL COPY SWAP
        MAKE_CELL COPY_FREE_VARS LOAD_CONST LOAD_SMALL_INT LOAD_FAST LOAD_FAST_BORROW
        LOAD_FAST_CHECK LOAD_FAST_AND_CLEAR LOAD_FAST_LOAD_FAST LOAD_FAST_BORROW_LOAD_FAST_BORROW
        LOAD_GLOBAL LOAD_NAME LOAD_DEREF LOAD_CLOSURE LOAD_BUILD_CLASS LOAD_COMMON_CONSTANT
        DELETE_FAST DELETE_NAME DELETE_GLOBAL DELETE_DEREF IMPORT_FROM GET_LEN KW_NAMES PRECALL
        NOT_TAKEN FOR_ITER RETURN_CONST""",
    "1": """POP_TOP GET_ITER GET_YIELD_FROM_ITER UNARY_NEGATIVE UNARY_NOT UNARY_INVERT
        UNARY_POSITIVE STORE_FAST STORE_FAST_LOAD_FAST STORE_NAME STORE_GLOBAL STORE_DEREF LOAD_ATTR
        LOAD_METHOD POP_JUMP_IF_TRUE POP_JUMP_IF_FALSE POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE
        POP_JUMP_FORWARD_IF_TRUE POP_JUMP_FORWARD_IF_FALSE POP_JUMP_FORWARD_IF_NONE
        POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_BACKWARD_IF_TRUE POP_JUMP_BACKWARD_IF_FALSE
        POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE JUMP_IF_TRUE_OR_POP
        JUMP_IF_FALSE_OR_POP RETURN_VALUE YIELD_VALUE LIST_APPEND SET_ADD LIST_EXTEND SET_UPDATE
        DICT_UPDATE DICT_MERGE DELETE_ATTR UNPACK_SEQUENCE TO_BOOL CONVERT_VALUE FORMAT_SIMPLE
        LIST_TO_TUPLE CALL_INTRINSIC_1 SEND RERAISE POP_EXCEPT""",
    "2": """BINARY_OP BINARY_SUBSCR COMPARE_OP IS_OP CONTAINS_OP STORE_ATTR DELETE_SUBSCR MAP_ADD
        STORE_FAST_STORE_FAST FORMAT_WITH_SPEC SET_FUNCTION_ATTRIBUTE BUILD_TEMPLATE
        PREP_RERAISE_STAR CALL_INTRINSIC_2""",
    "3": "STORE_SUBSCR BINARY_SLICE",
    "4": "STORE_SLICE",
    "0+1": "BUILD_TUPLE BUILD_LIST BUILD_SET BUILD_STRING BUILD_SLICE RAISE_VARARGS",
    "1+1": "BUILD_CONST_KEY_MAP",
    "3+1": "CALL_KW" if sys.version_info >= (3, 14) else "CALL_KW CALL_FUNCTION_EX",
    "2+1": "CALL",
    "0+2": "BUILD_MAP",
}
# the ends of a loop, as each version has them
TAKES["3" if sys.version_info >= (3, 15) else "2"] += " END_SEND"
TAKES["2"] += " IMPORT_NAME" + (" END_FOR" if sys.version_info < (3, 13) else "")
TAKES["1"] += " END_FOR CHECK_EXC_MATCH UNPACK_EX" if sys.version_info >= (3, 13) else ""
TAKES["2" if sys.version_info >= (3, 15) else "1"] += " POP_ITER"
# what such an opcode takes for granted and does not look at: RP_NEEDS_...
NEEDS = {
    "ITERATOR": "FOR_ITER",
    "SUBITERATOR": "SEND",
    "LIST": "LIST_APPEND LIST_EXTEND",
    "DICT": "MAP_ADD",
    "EXCEPTION": "RERAISE",
    "LIST_ON_TOP": "PREP_RERAISE_STAR CALL_INTRINSIC_2",
    "KEYWORDS": "CALL_FUNCTION_EX",
    "PARTS": "MAKE_FUNCTION",
    "PART": "SET_FUNCTION_ATTRIBUTE",
    "TEMPLATE": "BUILD_TEMPLATE",
    "NOTHING": "STORE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST",
    "CALLABLE_FIRST" if sys.version_info >= (3, 13) else "CALLABLE": "CALL",
    "NAMES": "CALL_KW",
}
if sys.version_info >= (3, 15):  # an index or NULL stands above each iterator, also when it is left
    NEEDS["ITERATOR"] += " POP_ITER"
    NEEDS["SENT"] = "END_SEND"
    NEEDS["NOTHING"] += " POP_TOP"
# which local variables it reads, with a look or without, and which it sets: RP_LOCALS_...
LOCALS = {
    "CHECK": "LOAD_FAST_CHECK",
    "SET": "STORE_FAST",
    "SET_SET": "STORE_FAST_STORE_FAST",
    "SET_READ": "STORE_FAST_LOAD_FAST",
    "READ": "LOAD_FAST LOAD_FAST_BORROW" if sys.version_info >= (3, 12) else "",
    "READ_READ": "LOAD_FAST_LOAD_FAST LOAD_FAST_BORROW_LOAD_FAST_BORROW",
}
ENDS = """RETURN_VALUE RETURN_CONST RERAISE RAISE_VARARGS INTERPRETER_EXIT JUMP_FORWARD
JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT""".split()
SCOPES = {
    "RP_SCOPE_FAST": "FAST FAST_BORROW FAST_CHECK",
    "RP_SCOPE_NAME": "NAME GLOBAL",
    "RP_SCOPE_CELL": "DEREF",
}


def turned(table):
    return {name: key for key, names in table.items() for name in names.split()}


def demands(name):
    takes = turned(TAKES).get(name, "-1").split("+")
    needs, variables = turned(NEEDS).get(name, "OBJECTS"), turned(LOCALS).get(name, "NONE")
    return f"{takes[0]}, {(takes + ['0'])[1]}, RP_NEEDS_{needs}, RP_LOCALS_{variables}"


def caches(name):
    entries = opcode._inline_cache_entries
    # a list by number on 3.11, then a dict by name, a frozendict since 3.15
    return entries.get(name, 0) if hasattr(entries, "get") else entries[MAP[name]]


def attribute_shift(source, name, kinds):
    """How far the argument of an opcode is shifted left of the index of the name."""
    code = compile(source, "shift", "exec")
    for instruction in dis.get_instructions(code):
        if instruction.opname in kinds:
            for shift in (0, 1, 2):
                index = instruction.arg >> shift
                if index < len(code.co_names) and code.co_names[index] == name:
                    return shift
    raise SystemExit(f"no {kinds} in the byte code of {source!r}")


def flags(name, number):
    found = []
    # END_ASYNC_FOR names the place of its SEND in newer versions; it does not go there
    jumps = number in dis.hasjrel or number in getattr(dis, "hasjump", ())
    if jumps and name != "END_ASYNC_FOR":
        found.append("RP_OP_JUMPS")
        if "BACKWARD" in name:
            found.append("RP_OP_BACKWARD")
    if name in ENDS:
        found.append("RP_OP_ENDS")
    has_argument = number in dis.hasarg if hasattr(dis, "hasarg") else number >= dis.HAVE_ARGUMENT
    if has_argument:
        found.append("RP_OP_HAS_ARGUMENT")
    for scope, suffixes in SCOPES.items():
        for suffix in suffixes.split():
            if name == "LOAD_" + suffix:
                found += ["RP_OP_LOADS", scope]
            if name == "STORE_" + suffix:
                found += ["RP_OP_STORES", scope]
    if name.startswith("STORE_FAST_"):  # two in one: stores something, of no one name
        found.append("RP_OP_STORES")
    return " | ".join(found) or "0"


def main(output):
    # co_names must not put the name at an index that hides a shift
    padding = "; ".join(f"n{i}" for i in range(5)) + "; "
    lines = [
        "/* Made by make_bytecode_tables.py for CPython %d.%d. */" % sys.version_info[:2],
        "#ifndef RP_BYTECODE_TABLES_H",
        "#define RP_BYTECODE_TABLES_H",
        "#define RP_BYTECODE_TABLES_MINOR %d" % sys.version_info[1],
    ]
    for name in NAMED:
        number = MAP.get(name, -1)  # from 256 on: only inside the compiler
        lines.append(f"#define RP_OPCODE_{name} {number if number < 256 else -1}")
    lines.append("#define RP_LOAD_ATTR_SHIFT %d" % attribute_shift(
        padding + "a.unusual(1)", "unusual", ("LOAD_ATTR", "LOAD_METHOD")))
    lines.append("#define RP_LOAD_GLOBAL_SHIFT %d" % global_shift())
    meanings = {name: meaning for meaning, names in MEANINGS.items() for name in names.split()}
    lines.append("static const rp_opcode rp_opcodes[256] = {")
    for name, number in sorted(MAP.items(), key=lambda item: item[1]):
        if number < 256:
            meaning = meanings.get(name, "OTHER")
            known = f"{caches(name)}, RP_MEANS_{meaning}, {flags(name, number)}"
            entry = f"{{{known}, {demands(name)}}}"
            lines.append(f"    [{number}] = {entry}, /* {name} */")
    lines += ["};", "#endif", ""]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def global_shift():
    scope = {}
    exec("def f():\n n0; n1; n2; n3; return unusual", scope)
    for instruction in dis.get_instructions(scope["f"]):
        if instruction.opname == "LOAD_GLOBAL" and instruction.argval == "unusual":
            index = scope["f"].__code__.co_names.index("unusual")
            return 0 if instruction.arg == index else 1
    raise SystemExit("no LOAD_GLOBAL")


if __name__ == "__main__":
    main(sys.argv[1])
