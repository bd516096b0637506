"""Makes the embedded base: the tiny Phi-3 that Imprint fine-tunes on machines without a GPU."""
