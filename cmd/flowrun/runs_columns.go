package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/runs"
)

// mainMetrics are those that are shown where none is asked for: of the best value, or else
// of the evaluation and of training, up to two. A run of another spec that has neither has
// its first one, up to four in all.
func (c *comparison) mainMetrics() (names []string) {
	add := func(name string) {
		if len(names) < 2 && !slices.Contains(names, name) && slices.ContainsFunc(c.all, func(e *entry) bool { _, ok := e.last[name]; return ok }) {
			names = append(names, name)
		}
	}
	for _, e := range c.all {
		if b := e.best(); b != nil {
			add(b.Metric)
		}
	}
	for _, evaluated := range []bool{true, false} {
		for _, e := range c.all {
			if e.run.Info == nil {
				continue
			}
			for _, name := range e.run.Info.Metrics {
				if strings.HasPrefix(name, ir.EvalPrefix) == evaluated {
					add(name)
				}
			}
		}
	}
	add("loss_step")
	for _, e := range c.all {
		own := e.metricNames()
		if len(names) < 4 && len(own) > 0 && !slices.ContainsFunc(own, func(name string) bool { return slices.Contains(names, name) }) {
			names = append(names, own[0])
		}
	}
	return names
}

// column is one of the table.
type column struct {
	title string
	right bool
	text  func(e *entry) string
	value func(e *entry) float64 // to sort by; nil: by the text
}

// missing is shown where there is no value.
const missing = "–"

// numberColumn is a column of a metric's values.
func numberColumn(title string, value func(e *entry) float64) column {
	return column{title: title, right: true, value: value, text: func(e *entry) string { return metricText(value(e)) }}
}

func metricText(v float64) string {
	if math.IsNaN(v) {
		return missing
	}
	return report.Metric(v)
}

// orNone is a number, or NaN where it is less than 0, which says that it is unknown.
func orNone(v float64) float64 {
	if v < 0 {
		return math.NaN()
	}
	return v
}

// table lists the columns.
func (c *comparison) tableColumns() []column {
	list := []column{
		{title: "run", text: func(e *entry) string { return e.name }},
		{title: "state", text: (*entry).state},
	}
	for _, title := range c.columns {
		list = append(list, column{title: title, text: func(e *entry) string { return cmp.Or(e.settings[title], missing) }})
	}
	list = append(list,
		column{title: "steps", right: true, value: func(e *entry) float64 { return orNone(float64(e.steps())) }, text: func(e *entry) string {
			if e.steps() < 0 {
				return missing
			}
			return report.Count(e.steps())
		}},
		column{title: "time", right: true, value: func(e *entry) float64 { return orNone(e.took().Seconds()) }, text: func(e *entry) string {
			if e.took() < 0 {
				return missing
			}
			return report.Duration(e.took())
		}})
	return append(list, c.metricColumns()...)
}

func (c *comparison) metricColumns() (list []column) {
	if slices.ContainsFunc(c.all, func(e *entry) bool { return e.best() != nil }) {
		list = append(list, column{title: "best", right: true, value: func(e *entry) float64 {
			if b := e.best(); b != nil {
				return b.Value
			}
			return math.NaN()
		}, text: func(e *entry) string {
			b := e.best()
			if b == nil {
				return missing
			}
			return fmt.Sprintf("%s %s at %s", b.Metric, report.Metric(b.Value), report.Count(b.Step))
		}})
	}
	for _, name := range c.mainMetrics() {
		if len(c.metrics) == 0 {
			list = append(list, numberColumn(name, func(e *entry) float64 {
				if v, ok := e.last[name]; ok {
					return v
				}
				return math.NaN()
			}))
		}
	}
	for _, name := range c.metrics {
		of := func(point func(*runs.Series) runs.Point) func(e *entry) float64 {
			return func(e *entry) float64 {
				if s := e.find(name); s != nil {
					return point(s).Value
				}
				return math.NaN()
			}
		}
		list = append(list, numberColumn(name, of(func(s *runs.Series) runs.Point { return s.Last })),
			numberColumn("min", of(func(s *runs.Series) runs.Point { return s.Min })),
			numberColumn("max", of(func(s *runs.Series) runs.Point { return s.Max })))
	}
	return list
}

// sort sorts by a column's title, or a setting.
func (c *comparison) sort(by string, reverse bool) error {
	sorted := byStart
	if by != "" && by != "started" {
		columns := c.tableColumns()
		i := slices.IndexFunc(columns, func(x column) bool { return x.title == by })
		switch {
		case i >= 0:
		case slices.ContainsFunc(c.all, func(e *entry) bool { return e.settings[by] != "" }):
			columns, i = []column{{title: by, text: func(e *entry) string { return e.settings[by] }}}, 0
		default:
			var names []string
			for _, x := range columns {
				names = append(names, x.title)
			}
			return usageError{fmt.Errorf("--sort: there is no column %s; there is started, %s", diag.Quote(by), diag.Names(names))}
		}
		sorted = columns[i]
	}
	slices.SortStableFunc(c.all, func(a, b *entry) int { return sorted.order(a, b, reverse) })
	return nil
}

// byStart orders runs by when they began.
var byStart = column{value: func(e *entry) float64 {
	if t := e.started(); !t.IsZero() {
		return float64(t.UnixMicro())
	}
	return math.NaN()
}}

// key is what a run is sorted by: numbers come first, then texts, then what is missing.
func (x column) key(e *entry) (class int, number float64, text string) {
	if x.value != nil {
		if number = x.value(e); math.IsNaN(number) {
			return 2, 0, ""
		}
		return 0, number, ""
	}
	text = x.text(e)
	if number, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(number) {
		return 0, number, ""
	}
	if text == "" || text == missing {
		return 2, 0, ""
	}
	return 1, 0, text
}

// order compares two entries. What is missing is last in both directions.
func (x column) order(a, b *entry, reverse bool) int {
	class, v, s := x.key(a)
	other, w, t := x.key(b)
	order := cmp.Or(cmp.Compare(class, other), cmp.Compare(v, w), strings.Compare(s, t))
	if reverse && class < 2 && other < 2 {
		return -order
	}
	return order
}
