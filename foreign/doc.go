// Package foreign knows the habits of other languages, tools and keyboards: lookalike
// characters, placeholders that nothing expands, files of other formats, and the names
// of operations, arguments, keys and dtypes elsewhere.
//
// It consists of tables and lookups; callers decide what to report. An entry without a
// space is a name in this language, an entry with a space is advice. Tests check that
// each name exists, and that the text after "write " is accepted.
package foreign
