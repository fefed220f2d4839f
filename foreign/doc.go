// Package foreign owns what people bring along from other languages, tools and
// keyboards: characters that look like ours, placeholders that nothing fills in,
// files of other formats, and what operations, arguments, keys and dtypes are
// called elsewhere.
//
// It holds tables and looks things up in them; what is said about a finding is
// its users' matter. A name in a table stands for one of this language, a text
// with a space in it is advice. Tests hold that each of those names exists, and
// that what follows "write " is accepted.
package foreign
