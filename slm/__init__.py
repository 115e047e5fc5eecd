"""Build a small language model from scratch: a book in seven chapters.

    data         text: collect, clean, split, cut into windows
    tokenizer    how text becomes numbers
    model        the Transformer, its cache and its probes
    training     how it learns
    evaluation   how good it is
    attention    what every head looks at
    sampling     how it speaks

Two appendices: `exchange` (models in from elsewhere and out again) and, where
chapters meet, `lab` (the first model as one job, snapshots and probes). A class of people
at one server meets in `workshop`. Below them all stand `errors`, `config`, `files`, `locks`,
`owners`, `zips`, `intact`, `workspace`, `limits`, `turns`, `jobs`, `keeping` and `device`.
"""
