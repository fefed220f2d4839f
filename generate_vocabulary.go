package flowrun

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/learned"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// vocabulary turns texts into tokens and back. Ids without a text are never generated.
type vocabulary struct {
	texts   []string       // by id; "" for an id without a text
	ids     map[string]int // of characters
	unknown int            // the id of characters that have none; -1: they are an error
	kind    vocabularyKind
	refuse  func(character string) string // says that it is unknown
}

type vocabularyKind uint8

const (
	numberTokens vocabularyKind = iota
	characterTokens
	byteTokens
)

// vocabularyOf is that of the program's generation: the one that the weights know, or else
// that of the training data.
func (p *Program) vocabularyOf(ctx context.Context, o *startOptions) (*vocabulary, error) {
	g := p.spec.Generate
	v := &vocabulary{texts: make([]string, g.Tokens), unknown: -1}
	switch {
	case g.Field == nil || !p.readsText(g.Source, g.Field.Name) && (g.Field.Classes == nil || !g.Field.Classes.Vocabulary):
		for i := range v.texts {
			v.texts[i] = strconv.Itoa(i)
		}
		return v, nil
	case g.Field.Classes == nil: // a text of bytes
		if v.kind = byteTokens; g.Tokens < 256 {
			return nil, fmt.Errorf("%s: the model has logits for %s, and the bytes of the data source %s have 256 ids", p.spec.File, diag.Count(g.Tokens, "token"), g.Source.Name)
		}
		for i := range 256 {
			v.texts[i] = string([]byte{byte(i)})
		}
		return v, nil
	}
	fact, err := p.vocabularyFact(ctx, o)
	if err != nil {
		return nil, err
	}
	v.kind, v.ids = characterTokens, make(map[string]int, len(fact.Classes))
	largest := fact.ID(len(fact.Classes) - 1)
	if fact.Unknown != nil {
		largest = max(largest, *fact.Unknown)
		v.unknown = int(*fact.Unknown)
	}
	if largest >= int64(g.Tokens) {
		return nil, fmt.Errorf("%s: the model has logits for %s, and the vocabulary has ids up to %d; give weights of this spec, or train again",
			p.spec.File, diag.Count(g.Tokens, "token"), largest)
	}
	known := make([]string, len(fact.Classes))
	for i, text := range fact.Classes {
		id := int(fact.ID(i))
		known[i], v.texts[id], v.ids[string(text)] = string(text), string(text), id
	}
	v.refuse = func(c string) string { return learned.Unknown(g.Field, c, known) }
	return v, nil
}

// readsText reports whether a field is a text's: of each of the data sources that have it,
// where it is one that joins or mixes others.
func (p *Program) readsText(d *table.Decl, field string) bool {
	is := d.Kind == "text"
	for _, name := range components(d) {
		if c, _ := p.spec.Source(name); c != nil && c.Field(field) != nil {
			if is = p.readsText(c, field); !is {
				return false
			}
		}
	}
	return is
}

// vocabularyFact is what is known of the field of the tokens.
func (p *Program) vocabularyFact(ctx context.Context, o *startOptions) (*learned.Fact, error) {
	g := p.spec.Generate
	facts, err := learned.Parse(o.weights.learned)
	if err != nil {
		return nil, err
	}
	if facts[g.Field.Name] != nil {
		return facts[g.Field.Name], facts.Check(g.Field)
	}
	name := g.Source.Name
	if decl, _ := p.spec.Source(p.spec.TrainData); decl == g.Source {
		name = p.spec.TrainData
	}
	d, err := p.openData(ctx, name, data.Options{Note: o.note})
	if err != nil {
		return nil, fmt.Errorf("the vocabulary, which the weights don't know: %w", err)
	}
	fact := d.Facts()[g.Field.Name]
	if err := d.close(); err != nil {
		return nil, err
	}
	if fact == nil {
		return nil, fmt.Errorf("the data source %s has no vocabulary for its field %s", g.Source.Name, g.Field.Name)
	}
	if o.weights.Tensors != nil && o.note != nil {
		o.note(fmt.Sprintf("the weights don't know their vocabulary; it is that of %s, which may have changed since they were trained", name))
	}
	return fact, nil
}

// encode gives the tokens of a text, and how many characters of it are unknown.
func (v *vocabulary) encode(text string) (ids []int, unknown int, err error) {
	switch v.kind {
	case byteTokens:
		ids = make([]int, len(text))
		for i := range ids {
			ids[i] = int(text[i])
		}
		return ids, 0, nil
	case numberTokens:
		ids, err = v.numbers(text)
		return ids, 0, err
	}
	line, char := 1, 1
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		c := rest[:size]
		if rest = rest[size:]; r == utf8.RuneError && size == 1 {
			return nil, 0, fmt.Errorf("line %d, character %d: the byte 0x%02x isn't UTF-8", line, char, c[0])
		}
		id, known := v.ids[c]
		switch {
		case !known && v.unknown < 0:
			return nil, 0, fmt.Errorf("line %d, character %d: %s", line, char, v.refuse(c))
		case !known:
			id = v.unknown
			unknown++
		}
		ids = append(ids, id)
		if char++; c == "\n" {
			line, char = line+1, 1
		}
	}
	return ids, unknown, nil
}

// numbers reads ids.
func (v *vocabulary) numbers(text string) (ids []int, err error) {
	for i, word := range strings.Fields(text) {
		id, err := strconv.Atoi(word)
		if err != nil || id < 0 || id >= len(v.texts) {
			return nil, fmt.Errorf("token %d: %s; the spec has no text whose tokens the model takes, so a prompt is ids from 0 to %d with spaces between them",
				i+1, diag.Quote(word), len(v.texts)-1)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// mask makes ids without a text impossible.
func (v *vocabulary) mask(logits []float64) {
	if v.kind == numberTokens {
		return
	}
	for i, text := range v.texts {
		if text == "" && !math.IsNaN(logits[i]) {
			logits[i] = math.Inf(-1)
		}
	}
}

// text is what a token adds to an answer.
func (v *vocabulary) text(id int, first bool) string {
	if v.kind == numberTokens && !first {
		return " " + v.texts[id]
	}
	return v.texts[id]
}
