package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

// Report says what was taken from a file of weights, and what wasn't.
type Report struct {
	File    string // its path, as it was given
	Of      int    // how many parameters and buffers the model has
	Taken   []Taken
	Kept    []string // parameters that keep their initial values
	Left    []string // tensors that were not taken
	Ignored []string // tensors that the rule doesn't want
	Idle    []string // patterns of ignore that fit nothing
	Average string   // the average whose tensors are taken in the place of the weights; "": none
	Note    string   // what else to know of the file; "" if nothing
}

// Taken is a tensor that is taken as a parameter.
type Taken struct {
	Param, Tensor string
	From, To      ir.DType // Invalid unless it is widened, or an average that is rounded
}

// Widened lists the tensors that get a wider dtype, which is exact.
func (r *Report) Widened() (widened []Taken) {
	for _, t := range r.Taken {
		if widens(t.From, t.To) {
			widened = append(widened, t)
		}
	}
	return widened
}

// Lines tell it in a few lines of text.
func (r *Report) Lines() []string {
	lines := []string{fmt.Sprintf("weights: %d of %s from %s", len(r.Taken), diag.Count(r.Of, "parameter"), diag.CutPath(r.File))}
	if n := len(r.Kept); n > 0 {
		lines[0] += fmt.Sprintf("; %s %s", diag.Names(r.Kept), plural(n, "keeps its initial value", "keep their initial values"))
	}
	if text := r.others(); text != "" {
		lines = append(lines, "weights: "+text)
	}
	if text := widenedLine(r.Widened()); text != "" {
		lines = append(lines, "weights: "+text)
	}
	if text := r.averaged(); text != "" {
		lines = append(lines, "weights: "+text)
	}
	if r.Note != "" {
		lines = append(lines, "weights: "+r.Note)
	}
	return lines
}

// others tells what else the file has.
func (r *Report) others() string {
	var parts []string
	if n := len(r.Left); n > 0 {
		parts = append(parts, fmt.Sprintf("%s of the file %s left: %s", diag.Count(n, "tensor"), plural(n, "is", "are"), diag.Names(r.Left)))
	}
	if n := len(r.Ignored); n > 0 {
		parts = append(parts, fmt.Sprintf("%s %s ignored: %s", diag.Count(n, "tensor"), plural(n, "is", "are"), diag.Names(r.Ignored)))
	}
	if len(r.Idle) > 0 {
		parts = append(parts, "the file has nothing to ignore for "+diag.Names(r.Idle))
	}
	return strings.Join(parts, "; ")
}

// averaged tells which weights are averages.
func (r *Report) averaged() string {
	if r.Average == "" {
		return ""
	}
	n, rounded := 0, map[ir.DType]int{}
	for _, t := range r.Taken {
		if strings.HasPrefix(t.Tensor, averages) {
			n++
		}
		if t.From != t.To && !widens(t.From, t.To) {
			rounded[t.To]++
		}
	}
	text := fmt.Sprintf("%s %s the average %s", diag.Count(n, "parameter"), plural(n, "is", "are"), diag.Quote(r.Average))
	if n < len(r.Taken) {
		text += fmt.Sprintf(", and %d, which %s averaged, of the last step", len(r.Taken)-n, plural(len(r.Taken)-n, "isn't", "aren't"))
	}
	for _, d := range slices.Sorted(maps.Keys(rounded)) {
		text += fmt.Sprintf("; %d %s rounded to %s", rounded[d], plural(rounded[d], "is", "are"), d)
	}
	return text
}

// widenedLine tells which dtypes are widened, by pairs of dtypes.
func widenedLine(widened []Taken) string {
	names := map[[2]ir.DType][]string{}
	var order [][2]ir.DType
	for _, t := range widened {
		pair := [2]ir.DType{t.From, t.To}
		if names[pair] == nil {
			order = append(order, pair)
		}
		names[pair] = append(names[pair], t.Param)
	}
	var parts []string
	for _, pair := range order {
		parts = append(parts, fmt.Sprintf("%s %s in the file and %s here, which is exact: %s",
			diag.Count(len(names[pair]), "tensor"), plural(len(names[pair]), "is "+pair[0].String(), "are "+pair[0].String()), pair[1], diag.Names(names[pair])))
	}
	return strings.Join(parts, "; ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
