"""What every reader that asks a generative model shares: prompts, strict answers, places on the page, confidence."""
