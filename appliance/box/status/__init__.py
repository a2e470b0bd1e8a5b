"""How every process is: what it says of itself, over which socket, and where the last word of each is kept.

Capture, the engines and the feed send a `Report` every two seconds, one datagram to `status.sock` in the
runtime directory (under systemd a link there to `/run/ridge-status`). The console binds that socket and asks
nobody anything. Where no console runs, nothing is sent and nothing fails.

What is said is closed and bounded: numbers, truth values, codes of closed vocabularies, names of models, ids
of seats and the beginnings of random call ids. 2 KiB from a red process and 64 KiB from the feed are the
most, and of each process the console takes one report a second.

The console keeps the last report of each process in memory and in `status.json` beside the socket (a
`Board`), for `ridge doctor` and `ridge privacy report`, which need no socket for it:

    from appliance.box.status.board import read_board
    board = read_board(config.box.runtime_directory)     # None where no console has run
    for part in board.parts:
        part.name, part.silent(board.written), part.report
"""
