// Package syntax turns the text of a spec into definitions: what the text says, with
// its expressions parsed and nothing evaluated.
//
// [Decode] reads the text (package tree), checks each mapping against its section's
// table of keys (sections.go), and takes what was misspelled for what was meant, so
// that one mistake gives one diagnostic. The JSON Schema and the tables of
// docs/language.md are made of the same tables.
//
// It also decodes what a spec names: imported files, and the standard library.
package syntax
