package main

import (
	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/weights"
)

// The JSON of flowrun weights. docs/weights.md lists the keys; they don't change.

type weightsJSON struct {
	File       string            `json:"file"`
	Note       string            `json:"note,omitempty"`
	Shards     []string          `json:"shards,omitempty"`
	Flowrun    bool              `json:"flowrun"`
	Checkpoint *checkpointJSON   `json:"checkpoint"`
	Learned    []learnedJSON     `json:"learned"`
	Rendered   bool              `json:"rendered"`
	Metadata   map[string]string `json:"metadata"`
	Totals     weightTotals      `json:"totals"`
	Others     weightTotals      `json:"others"`
	Tensors    []tensorJSON      `json:"tensors"`
}

type checkpointJSON struct {
	Step    int64    `json:"step"`
	Run     string   `json:"run"`
	Parents []string `json:"parents"`
	Finite  bool     `json:"finite"`
	BestBy  string   `json:"best_by"`
}

type learnedJSON struct {
	Field   string   `json:"field"`
	Classes []string `json:"classes,omitempty"`
	Unknown *int64   `json:"unknown,omitempty"`
	Mean    []number `json:"mean,omitempty"`
	Std     []number `json:"std,omitempty"`
	Fill    []number `json:"fill,omitempty"`
}

type tensorJSON struct {
	Name       string                `json:"name"`
	DType      string                `json:"dtype"`
	Shape      []int                 `json:"shape"`
	Bytes      int64                 `json:"bytes"`
	Shard      string                `json:"shard,omitempty"`
	Weight     bool                  `json:"weight"`
	Statistics *tensorStatisticsJSON `json:"statistics"`
}

// tensorStatisticsJSON has no min to norm where no element is finite.
type tensorStatisticsJSON struct {
	Zeros int64   `json:"zeros"`
	NaN   int64   `json:"nan"`
	Inf   int64   `json:"inf"`
	Min   any     `json:"min"`
	Max   any     `json:"max"`
	Mean  *number `json:"mean"`
	Std   *number `json:"std"`
	Norm  *number `json:"norm"`
}

func (all *inspected) json() *weightsJSON {
	j := &weightsJSON{File: all.file.Path(), Note: all.file.Note(), Shards: all.file.Shards(), Flowrun: all.about.Flowrun, Learned: []learnedJSON{},
		Rendered: all.about.Rendered != "", Metadata: all.about.Other, Totals: all.totals(false), Others: all.totals(true), Tensors: []tensorJSON{}}
	if j.Metadata == nil {
		j.Metadata = map[string]string{}
	}
	if c := all.about.Checkpoint; c != nil {
		j.Checkpoint = &checkpointJSON{c.Step, c.Run, append([]string{}, c.Parents...), c.Finite, c.BestBy}
	}
	for _, l := range all.about.Learned {
		j.Learned = append(j.Learned, learnedJSON{l.Field, l.Classes, l.Unknown, numbers(l.Mean), numbers(l.Std), numbers(l.Fill)})
	}
	for _, t := range all.tensors {
		j.Tensors = append(j.Tensors, tensorJSON{Name: t.Name, DType: t.DTypeText(), Shape: append([]int{}, t.Type.Shape...), Bytes: t.Bytes,
			Shard: all.file.Shard(t.Name), Weight: !t.Beside, Statistics: t.json()})
	}
	return j
}

func numbers(v []float64) (n []number) {
	for _, x := range v {
		n = append(n, number(x))
	}
	return n
}

func (t *inspectedTensor) json() *tensorStatisticsJSON {
	s := t.Statistics
	if s == nil {
		return nil
	}
	j := &tensorStatisticsJSON{Zeros: s.Zeros, NaN: s.NaN, Inf: s.Inf}
	if s.Finite() == 0 {
		return j
	}
	j.Min, j.Max = number(s.Min), number(s.Max)
	if !t.Type.DType.IsFloat() {
		j.Min, j.Max = s.MinInt, s.MaxInt
	}
	mean, std, norm := number(s.Mean), number(s.Std), number(s.Norm)
	j.Mean, j.Std, j.Norm = &mean, &std, &norm
	return j
}

type compareJSON struct {
	A        string              `json:"a"`
	B        string              `json:"b"`
	Equal    bool                `json:"equal"`
	OnlyA    []string            `json:"only_a"`
	OnlyB    []string            `json:"only_b"`
	Types    []typesJSON         `json:"types"`
	Tensors  []tensorsDifferJSON `json:"tensors"`
	Beside   int                 `json:"not_compared"`
	Metadata []string            `json:"metadata"`
}

type typesJSON struct {
	Name       string `json:"name"`
	A          string `json:"a"`
	B          string `json:"b"`
	Transposed bool   `json:"transposed"`
}

type tensorsDifferJSON struct {
	Name     string     `json:"name"`
	Shape    []int      `json:"shape"`
	A        string     `json:"a"`
	B        string     `json:"b"`
	Elements int64      `json:"elements"`
	Differ   int64      `json:"differ"`
	Absolute *placeJSON `json:"absolute"`
	Relative *placeJSON `json:"relative"`
	Norm     number     `json:"norm"`
}

type placeJSON struct {
	Value number `json:"value"`
	Index []int  `json:"index"`
	A     number `json:"a"`
	B     number `json:"b"`
}

func differenceJSON(d *weights.Difference, a, b *weights.File) *compareJSON {
	j := &compareJSON{A: a.Path(), B: b.Path(), Equal: d.Equal(), OnlyA: append([]string{}, d.OnlyA...), OnlyB: append([]string{}, d.OnlyB...),
		Beside: d.Beside, Types: []typesJSON{}, Tensors: []tensorsDifferJSON{}, Metadata: append([]string{}, metadataThatDiffer(a.Metadata(), b.Metadata())...)}
	for _, t := range d.Types {
		j.Types = append(j.Types, typesJSON{t.Name, t.A, t.B, t.Transposed})
	}
	for _, v := range d.Values {
		t := tensorsDifferJSON{Name: v.Name, Shape: append([]int{}, v.Shape...), A: v.A.String(), B: v.B.String(), Elements: v.Count, Differ: v.Differ}
		if v.Differ > 0 {
			t.Absolute, t.Relative, t.Norm = place(v.Absolute), place(v.Relative), number(v.Norm)
		}
		j.Tensors = append(j.Tensors, t)
	}
	return j
}

func place(p weights.Place) *placeJSON {
	return &placeJSON{number(p.Value), append([]int{}, p.Index...), number(p.A), number(p.B)}
}

// number is a float in JSON; what isn't finite is a string, as everywhere.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	return appendFloat(nil, float64(n), flowrun.F64), nil
}
