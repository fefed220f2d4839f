// Package text reads windows of text files: sequences of bytes or of characters, each of
// which has an id.
//
// All files are read once when they are opened. Nothing is written to disk: windows are
// read from the files themselves, which are compared page by page with what was there on
// opening. Memory doesn't grow with the files, but for the 4 bytes that a page's checksum
// takes: of characters, every 256th has its position noted, or, in long files, every 512th,
// and so on.
package text

import (
	"fmt"
	"math"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// The keys.
const (
	keyTokens     = "tokens"
	keyStride     = "stride"
	keyAcross     = "across_files"
	keyVocabulary = "vocabulary"
	keyUnknown    = "unknown"
	keyOffset     = "offset"

	byBytes      = "bytes"
	byCharacters = "characters"
)

// Kind is the kind of text files.
var Kind = table.Kind{
	Name:    "text",
	Doc:     "text files; an example is a window of bytes or characters",
	InOrder: true,
	Keys: []table.Key{
		{Name: keyTokens, Form: table.FormChoice, Values: []string{byBytes, byCharacters}, Required: true,
			Doc:  "what has an id: each byte, or each character",
			More: "a byte's id is its value; a character is a code point of UTF-8, and its id is learned: see `vocabulary`"},
		{Name: keyStride, Form: table.FormCount,
			Doc:  "tokens from one window's start to the next; without it, the tokens of the longest field",
			More: "windows start at 0, `stride`, 2 × `stride`, …; only those that lie within the text count"},
		{Name: keyAcross, Form: table.FormBool, Default: "false",
			Doc:  "windows go on in the next file",
			More: "otherwise each file has windows of its own, which start at its beginning"},
		{Name: keyVocabulary, Form: table.FormCount,
			Doc:  "with characters: how many ids there are, at most",
			More: "they are learned from the training part: its characters, in the order of their code points; more than that are an error, or, with `unknown`, all but the most frequent are unknown"},
		{Name: keyUnknown, Form: table.FormLength,
			Doc:  "with characters: the id of those that aren't in the vocabulary",
			More: "one of the ids from 0 to `vocabulary` - 1, which no other character has; without it, such a character is an error"},
	},
	FieldKeys: []table.Key{
		{Name: keyOffset, Form: table.FormLength, Default: "0",
			Doc:  "tokens from the window's start to the field's first",
			More: "with 1, a field has the tokens that follow those of a field without"},
	},
	Complete: complete,
	Check:    check,
	Open:     open,
}

// length is how many tokens a field has: a vector's length; a scalar is one.
func length(f *table.Field) int64 {
	if len(f.Type.Shape) == 0 {
		return 1
	}
	return int64(f.Type.Shape[0])
}

// offset is where a field begins in a window.
func offset(f *table.Field) int64 { return f.Options.Int(keyOffset) }

// complete gives the fields their vocabulary, and the source its stride, which must stay
// the same if it is opened with fewer fields.
func complete(d *table.Decl) {
	if d.Options.Text(keyTokens) == byCharacters && d.Options.Int(keyVocabulary) > 0 {
		unknown := int64(-1)
		if d.Options.Has(keyUnknown) {
			unknown = d.Options.Int(keyUnknown)
		}
		for i := range d.Fields {
			if f := &d.Fields[i]; f.Classes == nil {
				f.Classes = &table.Classes{Count: int(d.Options.Int(keyVocabulary)), Unknown: unknown, Vocabulary: true}
			}
		}
	}
	if !d.Options.Has(keyStride) && len(d.Fields) > 0 {
		longest := int64(0)
		for i := range d.Fields {
			longest = max(longest, length(&d.Fields[i]))
		}
		if longest > 0 {
			if d.Options == nil {
				d.Options = table.Options{}
			}
			d.Options[keyStride] = table.Option{Value: longest}
		}
	}
}

func check(d *table.Decl) (found []table.Problem) {
	add := func(p table.Problem) { found = append(found, p) }
	characters := d.Options.Text(keyTokens) == byCharacters
	vocabulary, given := d.Options[keyVocabulary]
	unknown := d.Options[keyUnknown]
	switch {
	case d.Options.Text(keyTokens) == byBytes:
		for key, o := range map[string]table.Option{keyVocabulary: vocabulary, keyUnknown: unknown} {
			if o.Value != nil {
				add(table.Problem{At: o.At, Message: fmt.Sprintf("`%s` is for characters; a byte's id is its value, from 0 to 255", key), Help: "remove it"})
			}
		}
	case characters && !given:
		add(table.Problem{At: d.Options[keyTokens].At, Message: "characters need a `vocabulary`: how many ids there are, at most",
			Help: "add it; English text has about 100 different characters"})
	case characters && vocabulary.Value != nil && unknown.Value != nil && d.Options.Int(keyUnknown) >= d.Options.Int(keyVocabulary):
		add(table.Problem{At: unknown.At, Message: fmt.Sprintf("`unknown` is %d, but a vocabulary of %d has the ids from 0 to %d",
			d.Options.Int(keyUnknown), d.Options.Int(keyVocabulary), d.Options.Int(keyVocabulary)-1), Help: "choose one of them; it belongs to no other character"})
	}
	for i := range d.Fields {
		found = append(found, checkField(d, &d.Fields[i])...)
	}
	return append(found, checkSplit(d.Split)...)
}

func checkField(d *table.Decl, f *table.Field) (found []table.Problem) {
	add := func(help, format string, args ...any) {
		found = append(found, table.Problem{At: f.At, Message: "field " + f.Name + ": " + fmt.Sprintf(format, args...), Help: help})
	}
	if f.Type.DType != ir.Invalid {
		switch top := d.Options.Int(keyVocabulary) - 1; {
		case !f.Type.DType.IsInt():
			add("declare it as i32, and cast it in a node if need be", "tokens are ids, which are integers, not %s", f.Type.DType)
		case f.Type.DType.Size() == 1 && top > math.MaxUint8 && d.Options.Text(keyTokens) == byCharacters:
			add("declare it as i32", "%s holds ids up to %d, and the vocabulary has ids up to %d", f.Type.DType, math.MaxUint8, top)
		}
		if len(f.Type.Shape) > 1 || length(f) < 1 {
			add(fmt.Sprintf("declare it as %s[64] for 64 tokens in a row, or %s[] for one", f.Type.DType, f.Type.DType),
				"an example is a row of at least one token, not %s", f.Type)
		}
	}
	if f.Classes != nil && !f.Classes.Vocabulary {
		add("remove `classes`", "the tokens of a text have ids already")
	}
	if f.Normalize != table.NotNormalized {
		add("remove `normalize`", "ids aren't quantities, so they have no mean")
	}
	if f.Fill.By != table.FillNone {
		add("remove `fill`", "a text has no missing values")
	}
	return found
}

func checkSplit(s *table.Split) []table.Problem {
	switch {
	case s == nil:
		return nil
	case s.By != "":
		return []table.Problem{{At: s.At, Message: "a text has no field that says which part a window is in", Help: "give each part a fraction, or each file a data source"}}
	case s.Stratify != "":
		return []table.Problem{{At: s.At, Message: "`stratify` is for classes, of which an example has one", Help: "remove it"}}
	case !s.InOrder:
		return []table.Problem{{At: s.At, Message: "the parts of a text follow each other: drawn windows of two parts would lie side by side or overlap, and nothing held out would be unseen",
			Help: "remove `order`, or write `order: in_order`"}}
	}
	return nil
}
