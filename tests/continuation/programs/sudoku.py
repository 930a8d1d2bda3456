"""Sudoku by recursion and generators; nested functions, sets, early returns from loops."""
import itertools

PUZZLES = ["4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
           "85...24..72......9..4.........1.7..23.5...9...4...........8..7..17..........36.4.",
           "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97.."]
CELLS = list(itertools.product(range(9), repeat=2))


def neighbours(row, column):
    for other in CELLS:
        same_box = other[0] // 3 == row // 3 and other[1] // 3 == column // 3
        if other != (row, column) and (other[0] == row or other[1] == column or same_box):
            yield other


PEERS = {cell: frozenset(neighbours(*cell)) for cell in CELLS}
tried = 0


def solutions(board):
    global tried
    empty = [(len(choices), cell) for cell, choices in board.items() if len(choices) > 1]
    if not empty:
        yield board
        return
    _, cell = min(empty)
    for digit in sorted(board[cell]):
        tried += 1
        try:
            yield from solutions(assigned(dict(board), cell, digit))
        except ValueError:
            continue


def assigned(board, cell, digit):
    waiting = [(cell, digit)]
    while waiting:
        cell, digit = waiting.pop()
        board[cell] = {digit}
        for peer in PEERS[cell]:
            if digit in board[peer]:
                board[peer] = board[peer] - {digit}
                if not board[peer]:
                    raise ValueError(peer)
                if len(board[peer]) == 1:
                    waiting.append((peer, *board[peer]))
    return board


def main():
    for puzzle in PUZZLES:
        board = {cell: set(range(1, 10)) for cell in CELLS}
        for cell, given in zip(CELLS, puzzle):
            if given != ".":
                board = assigned(board, cell, int(given))
        solved = next(solutions(board))
        print("".join(str(*solved[cell]) for cell in CELLS), len(solved))


if __name__ == "__main__":
    main()
