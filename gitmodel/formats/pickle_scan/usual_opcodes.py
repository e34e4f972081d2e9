"""The opcodes that most of a state dict is made of, walked in one loop for speed.

Guarantee: they do what their rows in the table of opcodes do.
"""

from __future__ import annotations

from gitmodel.formats.pickle_scan.literals import MAX_TEXT, Literals
from gitmodel.formats.pickle_scan.usual_tensors import OPCODES, read_tensor
from gitmodel.formats.pickle_scan.values import Dict, holds_function, made_tuple


class UsualOpcodes(Literals):
    """Walks opcodes of protocol 2 that lie in the block at hand."""

    def _walk_usual(self) -> None:  # noqa: C901, PLR0912, PLR0915 - one loop, for speed
        """Walk the opcodes that most of a state dict is made of, as long as they lie in the block.

        They do what their rows do, several times as fast. What is missing on the stack or in the memo is
        left to the rows.
        """
        stream = self._stream
        block, offset = stream.block, stream.offset
        limit = len(block) - 5  # an opcode and the longest argument without text
        stack, below, memo = self._stack, self._below, self._memo
        count = 0
        while offset < limit:
            code = block[offset]
            if code == 0x71 and stack:  # BINPUT
                memo[block[offset + 1]] = stack[-1]
                offset += 2
            elif code == 0x68 and block[offset + 1] in memo:  # BINGET
                tensor = None
                if block[offset + 2] == block[offset + 3] == 0x28:
                    tensor = read_tensor(block, offset, memo, self._found)
                if tensor is None:
                    stack.append(memo[block[offset + 1]])
                    offset += 2
                else:
                    stack.append(tensor[0])
                    offset = tensor[1]
                    count += OPCODES
            elif code == 0x4B:  # BININT1
                stack.append(block[offset + 1])
                offset += 2
            elif code == 0x72 and stack:  # LONG_BINPUT
                memo[int.from_bytes(block[offset + 1 : offset + 5], "little")] = stack[-1]
                offset += 5
            elif code == 0x58 and not (block[offset + 3] or block[offset + 4]):  # BINUNICODE
                size = block[offset + 1] | block[offset + 2] << 8
                text = block[offset + 5 : offset + 5 + size]
                if size > MAX_TEXT or len(text) != size or not text.isascii():
                    break
                stack.append(text.decode("ascii"))
                offset += 5 + size
            elif code == 0x28:  # MARK
                below.append(stack)
                stack = []
                offset += 1
            elif code == 0x74 and below:  # TUPLE
                items = stack
                stack = below.pop()
                stack.append(made_tuple(items))
                offset += 1
            elif code == 0x85 and stack:  # TUPLE1
                stack[-1] = made_tuple((stack[-1],))
                offset += 1
            elif code == 0x86 and len(stack) > 1:  # TUPLE2
                last = stack.pop()
                stack[-1] = made_tuple((stack[-1], last))
                offset += 1
            elif code == 0x89:  # NEWFALSE
                stack.append(False)
                offset += 1
            elif code == 0x29:  # EMPTY_TUPLE
                stack.append(())
                offset += 1
            elif code == 0x7D:  # EMPTY_DICT
                stack.append(Dict())
                offset += 1
            elif code == 0x73 and len(stack) > 2:  # SETITEM
                target, key, value = stack[-3:]
                if type(target) is not Dict or type(key) is not str or holds_function(value):
                    break
                target.add(key)
                del stack[-2:]
                offset += 1
            elif code == 0x4D:  # BININT2
                stack.append(block[offset + 1] | block[offset + 2] << 8)
                offset += 3
            elif code == 0x6A:  # LONG_BINGET
                index = int.from_bytes(block[offset + 1 : offset + 5], "little")
                if index not in memo:
                    break
                stack.append(memo[index])
                offset += 5
            else:
                break
            count += 1
        stream.offset = offset
        self._stack = stack
        self._found.step(count)
