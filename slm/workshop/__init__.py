"""A room full of people at one server: who they are, and what each of them may do.

    people      who is in the room, by which name
    passes      the signed cookie by which a browser is known again
    room        whether the server is shared, the code at the door, what the presenter has set
    rights      who may change what
    limits      what the presenter sets for all and for single people, and a pause for all
    guesses     how often somebody may try the code
    addresses   where the room is found, also as a QR code
    archive     one's own work as a zip; opening: such a zip opened again
    looking     the view that all screens show
    resetting   the end of a class: into the archive, and the room is empty again
    tour        the chapters as steps; made, checks: whether one was done; progress: how far
    challenges  a race under one budget; budgets: what a run has cost; judging: what it reaches
    class_game  the Shannon game of a class
    questions   predict, then reveal; asking: the answers that a model gives
    kept        what the presenter begins, and each person's part in it

No browser here, and torch in `checks`, `judging` and `asking` alone. All of it stands in
files under `workshop/` of the workspace, so a killed server forgets nobody.
"""
