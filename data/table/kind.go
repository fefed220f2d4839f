package table

import "context"

// Kind is a kind of file that examples are read from. In a spec, its name is a key of the
// data source, and the files are the key's value.
type Kind struct {
	Name string
	Doc  string // what the file contains, for the reference

	// Batches says that the file contains whole batches: a field's type is that of a batch.
	Batches bool
	// PerField says that each field may have a file of its own: {x: FILE, y: FILE}.
	PerField bool
	// Safetensors says that the file is a safetensors file; other extensions are a warning.
	Safetensors bool

	// InOrder says that the parts of a split follow each other unless the spec says
	// otherwise.
	InOrder bool

	Keys      []Key // of the data source
	FieldKeys []Key // of each of its fields

	// Complete, if not nil, adds to a declaration what the kind's keys imply: the classes
	// of its fields, defaults that depend on several of them. It is called once the
	// declaration has been decoded, with all of its fields, before Check. Any of it may be
	// nil or zero where that was reported.
	Complete func(*Decl)
	// Check says what is wrong with a declaration by itself: no file is looked at. All of
	// it may be nil or zero where that was reported.
	Check func(*Decl) []Problem
	// Open opens the files and compares them with the declaration. No content of a file may
	// make it panic, or take more time or memory than the file's size explains.
	Open func(context.Context, *Input) (Table, error)
}
