// A page's own title counts for more than the statements, functions and sections that name it.
Scorer.title = 40;
