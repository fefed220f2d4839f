package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// series holds all samples of one quantity and their statistics.
type series struct {
	Group  string    `json:"group"`
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Note   string    `json:"note,omitempty"` // of the last sample
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Ratio  float64   `json:"ratio,omitempty"`  // the median relative to flowrun's, for peers and on OpenCL
	Target *float64  `json:"target,omitempty"` // the upper limit for the median
	Met    *bool     `json:"met,omitempty"`
	Values []float64 `json:"values"` // in the order of measurement
}

// report contains all results of a run.
type report struct {
	Machine machine   `json:"machine"`
	Rounds  int       `json:"rounds"`
	Series  []*series `json:"series"`
	LeftOut []absence `json:"left_out"`
}

// absence is a subject that could not be measured.
type absence struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

func newReport(m machine, rounds int) *report {
	return &report{Machine: m, Rounds: rounds, LeftOut: []absence{}}
}

// add appends samples to their series.
func (r *report) add(samples []sample) {
	for _, v := range samples {
		s := r.find(v.Group, v.Name, v.Unit)
		if s == nil {
			s = &series{Group: v.Group, Name: v.Name, Unit: v.Unit}
			r.Series = append(r.Series, s)
		}
		s.Note = v.Note
		s.Values = append(s.Values, v.value)
	}
}

func (r *report) find(group, name, unit string) *series {
	for _, s := range r.Series {
		if s.Group == group && s.Name == name && s.Unit == unit {
			return s
		}
	}
	return nil
}

// finish computes the statistics of all series.
func (r *report) finish() {
	for _, s := range r.Series {
		s.Median, s.Min, s.Max = median(s.Values), slices.Min(s.Values), slices.Max(s.Values)
		if limit, ok := s.target(); ok {
			met := s.Median <= limit
			s.Target, s.Met = &limit, &met
		}
	}
	for group, ours := range map[string]string{stepGroup: "flowrun", openclGroup: asItIs} {
		if base := r.find(group, ours, "µs"); base != nil {
			for _, s := range r.group(group) {
				s.Ratio = s.Median / base.Median
			}
		}
	}
	r.Machine.Load.After = loadAverage()
}

func (r *report) group(name string) []*series {
	var group []*series
	for _, s := range r.Series {
		if s.Group == name {
			group = append(group, s)
		}
	}
	return group
}

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func (r *report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// writeText writes a table for each group.
func (r *report) writeText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d rounds\n", r.Machine, r.Rounds)
	for _, g := range []struct{ name, title string }{
		{stepGroup, "A training step of math_net"},
		{openclGroup, "A training step of math_net on OpenCL"},
		{dataGroup, "Reading batches from files, beside a copy in memory"},
		{runsGroup, "A step of a run, and of one that is followed by all there is"},
		{engineGroup, "The engine by itself"},
		{checkGroup, "A check of a spec: math_net, and transformers by number of blocks"},
		{processGroup, "Whole processes, on graphs/math_net.yaml"},
		{serveGroup, "A server on one processor, whose weights are swapped 100 times a second"},
	} {
		if group := r.group(g.name); len(group) > 0 {
			writeGroup(&b, g.title, group)
		}
	}
	for i, a := range r.LeftOut {
		if i == 0 {
			fmt.Fprintln(&b, "\nSkipped")
		}
		fmt.Fprintf(&b, "  %s: %s\n", a.Name, a.Why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeGroup(b *strings.Builder, title string, group []*series) {
	width, ratio := utf8.RuneCountInString(title), ""
	for _, s := range group {
		if s.Ratio != 0 {
			ratio = "ratio"
		}
		width = max(width, utf8.RuneCountInString(s.Name)+2)
	}
	header := fmt.Sprintf("%-*s %8s %8s %8s %8s", width, title, "median", "min", "max", ratio)
	fmt.Fprintf(b, "\n%s\n", strings.TrimRight(header, " "))
	for _, s := range group {
		line := fmt.Sprintf("%-*s %8s %8s %8s %8s  %-11s  %s", width, "  "+s.Name,
			number(s.Median), number(s.Min), number(s.Max), s.ratio(), s.Unit, s.verdict())
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
	for _, s := range group {
		if s.Note != "" {
			fmt.Fprintf(b, "  %s: %s\n", s.Name, s.Note)
		}
	}
}

func (s *series) ratio() string {
	if s.Ratio == 0 {
		return ""
	}
	return number(s.Ratio)
}

// verdict gives the target and whether it is met.
func (s *series) verdict() string {
	switch {
	case s.Target == nil:
		return ""
	case *s.Met:
		return "≤ " + number(*s.Target) + ": met"
	default:
		return "≤ " + number(*s.Target) + ": missed"
	}
}

// number formats a value with three digits, and whole numbers without decimals.
func number(v float64) string {
	switch {
	case v == float64(int64(v)), v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
