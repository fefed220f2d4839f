package table

import (
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Decl is what a spec says of a data source that reads files.
type Decl struct {
	Name    string
	Kind    string  // its row in the table of kinds; "" with Zip or Mix
	Files   []File  // in the spec's order
	Options Options // the kind's own keys
	Fields  []Field // in the spec's order

	Zip []string // data sources whose examples are joined, field by field
	Mix []Share  // data sources that examples are drawn from

	Batch    int64 // examples in a batch
	Shuffle  bool  // each epoch in another order
	DropLast bool  // an epoch's last batch, if it is smaller, is left out
	Repeat   int64 // epochs that it provides; 0: any number
	Limit    int64 // only so many examples, the first; 0: all
	Split    *Split

	At diag.Range // where the spec names the files, or else the data source
}

// Field finds a field by its name; nil if there is none.
func (d *Decl) Field(name string) *Field {
	for i := range d.Fields {
		if d.Fields[i].Name == name {
			return &d.Fields[i]
		}
	}
	return nil
}

// File is a file that a spec names, or a pattern for the names of several (path.Match's,
// and "**" for any folders), or a folder.
type File struct {
	Field string // that it holds, where a spec gives a file to each field; "" otherwise
	Name  string // as given
	Path  string // resolved, in the spec's folder or an allowed one
	At    diag.Range
}

// Field is a field of a data source.
type Field struct {
	Name    string
	Type    ir.Type // of one example
	Options Options // the keys that its kind of file adds: column, tensor, …

	// Classes says that the field's values are texts, which become ids; nil: numbers.
	Classes *Classes
	// Normalize subtracts a mean and divides by a standard deviation, those of the
	// training part.
	Normalize Normalize
	// Fill is what takes the place of missing values.
	Fill Fill

	At diag.Range
}

// Classes are the classes of a field. Their ids are their places in the list: the
// spec's, or, where it only says how many there are, the training part's in the order of
// their bytes.
type Classes struct {
	Count   int      // how many
	Names   []string // in the order of their ids; nil: they are the training part's
	Unknown int64    // the id of texts that are none of them; -1: such a text is an error

	// Vocabulary says that the texts are pieces of one text, such as its characters, of
	// which an example has a sequence. All such fields of a data source have one list,
	// learned from the values of all of them. Count is the most that it may have: fewer
	// are fine. More are an error, or, if Unknown is an id, the most frequent are kept (of
	// equally frequent ones the first in the order of their bytes). Unknown is then an id
	// of its own, which no text of the list has: the list's texts take the ids from 0 to
	// Count-1 but for Unknown, in the order of their bytes.
	Vocabulary bool
}

// Normalize says what has a mean and a standard deviation of its own.
type Normalize string

// The ways to normalize.
const (
	NotNormalized Normalize = ""
	PerElement    Normalize = "element" // each element of an example
	PerField      Normalize = "field"   // all of them together
)

// Fill is what takes the place of a missing value.
type Fill struct {
	By    FillBy
	Value float64 // with FillValue
	Text  string  // with FillText, of classes
}

// FillBy says what missing values become.
type FillBy string

// What missing values become. A mean or median is of the training part's values of the
// same element.
const (
	FillNone   FillBy = "" // a missing value is an error
	FillDrop   FillBy = "drop"
	FillKeep   FillBy = "keep" // what drop is where no example may be left out: an error that says so; no spec has it
	FillMean   FillBy = "mean"
	FillMedian FillBy = "median"
	FillValue  FillBy = "value"
	FillText   FillBy = "text"
)

// Share is a part that a data source has in a mix.
type Share struct {
	Source string
	Weight int64
}

// Split divides the examples into parts, which share none. It depends on the examples'
// number and on Seed, not on the spec's seed: another run has the same parts.
type Split struct {
	Parts    []Part
	By       string // a field of classes whose texts say which part an example is in; "": they are drawn
	Stratify string // a field of classes that each part has in the same proportions; "": none
	InOrder  bool   // the parts follow each other instead of being drawn
	Seed     int64
	At       diag.Range
}

// Part is one part of a split.
type Part struct {
	Name     string
	Fraction float64  // of the examples; 0 with By
	Values   []string // of the field By
}

// Options are the values of keys that belong to one kind of file. Keys that a spec leaves
// out have their defaults.
type Options map[string]Option

// Option is the value of a key: a bool, int64, float64, string or []string; nil if it was
// wrong, which was reported.
type Option struct {
	Value any
	At    diag.Range // unknown if it is the default
}

// Bool gives the value of a key, false if there is none.
func (o Options) Bool(key string) bool { v, _ := o[key].Value.(bool); return v }

// Int gives the value of a key, 0 if there is none.
func (o Options) Int(key string) int64 { v, _ := o[key].Value.(int64); return v }

// Text gives the value of a key, "" if there is none.
func (o Options) Text(key string) string { v, _ := o[key].Value.(string); return v }

// Texts gives the value of a key that is a text or a list of texts.
func (o Options) Texts(key string) []string {
	switch v := o[key].Value.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	}
	return nil
}

// Has reports whether the spec gives a key, or it has a default.
func (o Options) Has(key string) bool { return o[key].Value != nil }

// Key is a key of a data source or of its fields that belongs to one kind of file. The
// decoder, the schema and the reference of the language are made from it.
type Key struct {
	Name     string
	Doc      string // in a few words
	More     string // what the reference adds
	Form     Form
	Values   []string // of a FormChoice
	Required bool
	Default  string // what an absent key means, as a spec would write it; "": nothing
}

// Form is what a key takes.
type Form string

// The forms, and the type of the option.
const (
	FormBool      Form = "bool"      // bool
	FormCount     Form = "count"     // int64, at least 1
	FormLength    Form = "length"    // int64, at least 0
	FormInt       Form = "int"       // int64
	FormText      Form = "text"      // string
	FormCharacter Form = "character" // string, of one character
	FormChoice    Form = "choice"    // string, one of Values
	FormTexts     Form = "texts"     // []string; a spec may give one text
)

// Problem is what is wrong with a declaration by itself, without its files.
type Problem struct {
	At      diag.Range
	Message string
	Help    string
}
