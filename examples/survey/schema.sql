-- A survey: the main office asks, interviewers answer. With a few records to try things with.

CREATE TABLE questions (id TEXT PRIMARY KEY, words TEXT NOT NULL);
CREATE TABLE respondents (code TEXT PRIMARY KEY, region TEXT NOT NULL);
CREATE TABLE answers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, respondent TEXT NOT NULL REFERENCES respondents, question TEXT NOT NULL REFERENCES questions,
  taken TEXT NOT NULL, answer TEXT, complete INTEGER NOT NULL DEFAULT 0,
  UNIQUE (respondent, question)
);

INSERT INTO questions VALUES ('Q-1', 'How did you hear of us?'), ('Q-2', 'Would you come again?');
INSERT INTO respondents VALUES ('R-1', 'north'), ('R-2', 'north'), ('R-3', 'south');
