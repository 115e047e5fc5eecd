"""A server that speaks the OpenAI protocol, so that existing clients write with a model of ours."""
