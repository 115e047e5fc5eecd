"""Text: where it comes from, how it is cleaned, split and cut into windows.

sources, catalogue   what text there is to choose from; `embedded/` needs no network
reading/             any file into documents, in a process that can be ended
hub/                 data sets of the Hub, kept where a download broke
cleaning/            rules, and what each of them did
corpus, stored       a corpus made, and a corpus opened; its ledger and its removed texts
exploring/           what a corpus is: profile, search, copies, leakage
splitting            which documents train and which validate
batches, windows     token files, and how documents fall into windows
"""
