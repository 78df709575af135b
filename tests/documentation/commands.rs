//! The command lines in the documents, as far as a shell would read them.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// The simple commands of a piece of shell, those within `$(…)` included: each a list of words, without
/// the assignments before it. What is assigned goes to `variables`; an unknown one stands as it is written.
pub(crate) fn commands(shell: &str, variables: &mut BTreeMap<String, String>) -> Vec<Vec<String>> {
    let rest = shell.chars().peekable();
    let mut reader = Reader { rest, commands: Vec::new(), words: Vec::new(), variables };
    while reader.rest.peek().is_some() {
        reader.list();
    }
    reader.commands
}

struct Reader<'s> {
    rest: Peekable<Chars<'s>>,
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    variables: &'s mut BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Commands up to a closing parenthesis, or the end.
    fn list(&mut self) {
        let outer = std::mem::take(&mut self.words);
        let mut word: Option<String> = None;
        while let Some(letter) = self.rest.next() {
            match letter {
                ' ' | '\t' => self.words.extend(word.take()),
                '\\' if self.rest.next_if_eq(&'\n').is_some() => self.words.extend(word.take()),
                '\\' => word.get_or_insert_default().extend(self.rest.next()),
                '\'' => {
                    let text = word.get_or_insert_default();
                    text.extend(self.rest.by_ref().take_while(|&letter| letter != '\''));
                }
                '"' => {
                    let text = self.quoted();
                    word.get_or_insert_default().push_str(&text);
                }
                '$' if self.rest.next_if_eq(&'(').is_some() => {
                    self.list();
                    word.get_or_insert_default().push_str("$(…)");
                }
                '$' => {
                    let text = self.variable();
                    word.get_or_insert_default().push_str(&text);
                }
                '#' if word.is_none() => {
                    while self.rest.next_if(|&letter| letter != '\n').is_some() {}
                }
                '<' | '>' => {
                    self.words.extend(word.take());
                    // What follows is the name of a file, and no argument.
                    self.words.push(letter.to_string());
                }
                '\n' | ';' | '|' | '&' | '(' | ')' => {
                    self.words.extend(word.take());
                    self.end(letter);
                    if letter == ')' {
                        break;
                    }
                }
                letter => word.get_or_insert_default().push(letter),
            }
        }
        self.words.extend(word);
        self.end('\n');
        self.words = outer;
    }

    fn quoted(&mut self) -> String {
        let mut text = String::new();
        while let Some(letter) = self.rest.next() {
            match letter {
                '"' => break,
                '\\' => text.extend(self.rest.next()),
                '$' if self.rest.next_if_eq(&'(').is_some() => {
                    self.list();
                    text.push_str("$(…)");
                }
                '$' => text.push_str(&self.variable()),
                letter => text.push(letter),
            }
        }
        text
    }

    /// What stands for a variable, whose `$` was read.
    fn variable(&mut self) -> String {
        let mut name = String::new();
        while let Some(letter) = self.rest.next_if(|letter| is_of_name(*letter)) {
            name.push(letter);
        }
        self.variables.get(&name).cloned().unwrap_or_else(|| format!("${name}"))
    }

    /// Ends a command. One that is followed by `(` was the name of a function.
    fn end(&mut self, by: char) {
        let mut words = std::mem::take(&mut self.words);
        if by == '(' {
            return;
        }
        while let Some(redirection) = words.iter().position(|word| word == "<" || word == ">") {
            let after = words.split_off(redirection);
            words.extend(after.into_iter().skip(2));
        }
        let skipped = words.iter().take_while(|word| self.stands_before_a_command(word)).count();
        let words = words.split_off(skipped);
        if !words.is_empty() {
            self.commands.push(words);
        }
    }

    /// Whether a word is an assignment, which is kept, or what opens and closes a group.
    fn stands_before_a_command(&mut self, word: &str) -> bool {
        match word.split_once('=').filter(|(name, _)| name.chars().all(is_of_name)) {
            Some((name, value)) => {
                self.variables.insert(name.to_owned(), value.to_owned());
                true
            }
            None => matches!(word, "{" | "}" | "!"),
        }
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[test]
fn commands_are_read_as_a_shell_does() {
    let shell = r#"
URL=https://api.example.com
stepup check envoy.yaml   # a comment
TOKEN=$(stepup token --claim 'country="DE"' \
  --subject "a b") && curl -H "Authorization: Bearer $(stepup token)" $URL/$PATH | grep -i '^(http|x)'
ask() { curl -si "$@" > out.txt; }
"#;
    let expected: [&[&str]; 6] = [
        &["stepup", "check", "envoy.yaml"],
        &["stepup", "token", "--claim", "country=\"DE\"", "--subject", "a b"],
        &["stepup", "token"],
        &["curl", "-H", "Authorization: Bearer $(…)", "https://api.example.com/$PATH"],
        &["grep", "-i", "^(http|x)"],
        &["curl", "-si", "$@"],
    ];
    assert_eq!(commands(shell, &mut BTreeMap::new()), expected);
}
