"""How good a language is: games of greedy agents, measures of messages, corpora."""
