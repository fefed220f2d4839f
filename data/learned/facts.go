package learned

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Facts are what was learned, by the names of fields. Fields of which nothing is to be
// learned aren't there.
type Facts map[string]*Fact

// Fact is what was learned of a field.
type Fact struct {
	// Classes are the texts of the ids, ascending but for Unknown.
	Classes []Text `json:"classes,omitempty"`
	// Unknown is the id that no text of a vocabulary has; nil: there is none.
	Unknown *int64 `json:"unknown,omitempty"`
	// Mean and Std have a number for each element, or one for all.
	Mean []float64 `json:"mean,omitempty"`
	Std  []float64 `json:"std,omitempty"` // 0 where all values are equal
	// Fill has what takes the place of a missing value, for each element.
	Fill []float64 `json:"fill,omitempty"`
}

// ID is the id of the i-th class.
func (f *Fact) ID(i int) int64 {
	if f.Unknown != nil && int64(i) >= *f.Unknown {
		return int64(i) + 1
	}
	return int64(i)
}

// Name is the text of an id. It reports false for ids that no text has.
func (f *Fact) Name(id int64) (string, bool) {
	if f.Unknown != nil && id >= *f.Unknown {
		if id == *f.Unknown {
			return "", false
		}
		id--
	}
	if id < 0 || id >= int64(len(f.Classes)) {
		return "", false
	}
	return string(f.Classes[id]), true
}

// JSON writes facts; equal facts are equal texts. Numbers are exact.
func (f Facts) JSON() string {
	text, err := json.Marshal(f)
	if err != nil {
		return "{}" // there is nothing in it that JSON can't say: Learn finds no infinity
	}
	return string(text)
}

// Parse reads what JSON wrote. An empty text is no facts.
func Parse(text string) (Facts, error) {
	f := Facts{}
	if text == "" {
		return f, nil
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return nil, fmt.Errorf("what the weights know of their data can't be read: %w", inWords(err))
	}
	if f == nil {
		return nil, errors.New("what the weights know of their data can't be read: it is null")
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if err := f[name].sound(); err != nil {
			return nil, fmt.Errorf("what the weights know of the field %s can't be: %w", diag.Quote(name), err)
		}
	}
	return f, nil
}

// inWords is an error of decoding JSON without the names of Go's types.
func inWords(err error) error {
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		return fmt.Errorf("%s at byte %d is another type than flowrun writes", wrong.Value, wrong.Offset)
	}
	return err
}

// sound reports what training can't have learned.
func (f *Fact) sound() error {
	if f == nil {
		return errors.New("it is null")
	}
	if f.Unknown != nil && *f.Unknown < 0 {
		return fmt.Errorf("the id for unknown values is %d", *f.Unknown)
	}
	for _, std := range f.Std {
		if std < 0 {
			return fmt.Errorf("a standard deviation is %v", std)
		}
	}
	seen := make(map[Text]bool, len(f.Classes))
	for _, c := range f.Classes {
		if seen[c] {
			return fmt.Errorf("the class %s has two ids", diag.Quote(string(c)))
		}
		seen[c] = true
	}
	return nil
}

// Text is a class. In JSON it is a string, or, if it isn't UTF-8, {"base64": …}.
type Text string

type encoded struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(encoded{[]byte(t)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var e encoded
		err := json.Unmarshal(b, &e)
		*t = Text(e.Base64)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

// elements is how many means a field has.
func elements(f *table.Field) int {
	if f.Normalize == table.PerField {
		return 1
	}
	return f.Type.Shape.Numel()
}

// Check compares facts with a field that they are to be used for.
func (f Facts) Check(d *table.Field) error {
	fact := f[d.Name]
	needs := func(what string) error {
		return fmt.Errorf("the field %s needs %s of the training data, which these weights don't know; train again, or give weights of this spec", d.Name, what)
	}
	numbers := func(v []float64, n int, what string) error {
		if len(v) != n {
			return fmt.Errorf("the field %s needs %s for %s, and the weights know %d; they were trained with another type of it", d.Name, what, diag.Count(n, "element"), len(v))
		}
		for _, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("the field %s: %s of the weights has %v", d.Name, what, x)
			}
		}
		return nil
	}
	if d.Classes != nil {
		if fact == nil || fact.Classes == nil {
			return needs("the classes")
		}
		if err := f.CheckClasses(d); err != nil {
			return err
		}
	}
	if d.Normalize != table.NotNormalized {
		if fact == nil || fact.Mean == nil {
			return needs("the mean and the standard deviation")
		}
		if err := numbers(fact.Mean, elements(d), "a mean"); err != nil {
			return err
		}
		if err := numbers(fact.Std, elements(d), "a standard deviation"); err != nil {
			return err
		}
	}
	if fills(d) {
		if fact == nil || fact.Fill == nil {
			return needs("the " + string(d.Fill.By))
		}
		return numbers(fact.Fill, d.Type.Shape.Numel(), "a "+string(d.Fill.By))
	}
	return nil
}

// CheckNormalized compares what weights were trained with and a field that isn't normalized.
// That is an error for the data that they were trained on; other data may be normalized
// already.
func (f Facts) CheckNormalized(d *table.Field) error {
	if fact := f[d.Name]; fact == nil || fact.Mean == nil || d.Normalize != table.NotNormalized {
		return nil
	}
	return fmt.Errorf("the field %s was normalized when the weights were trained, and the spec doesn't normalize it: add normalize as it was, or train again", d.Name)
}

// fills reports whether missing values are filled with what is learned.
func fills(d *table.Field) bool {
	return d.Classes == nil && d.Type.DType.IsFloat() && (d.Fill.By == table.FillMean || d.Fill.By == table.FillMedian)
}

// Needed reports whether anything is to be learned of a field.
func Needed(d *table.Field) bool {
	return d.Classes != nil || d.Normalize != table.NotNormalized || fills(d)
}

// Float widens an element.
func Float(d ir.DType, b []byte) float64 {
	switch d {
	case ir.F32:
		return float64(math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24))
	case ir.F16:
		return float64(ir.F16ToF32(uint16(b[0]) | uint16(b[1])<<8))
	case ir.BF16:
		return float64(ir.BF16ToF32(uint16(b[0]) | uint16(b[1])<<8))
	}
	lo := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
	return math.Float64frombits(lo | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
}
