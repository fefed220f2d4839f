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

// numberColumn is a column of a metric's values.
func numberColumn(title string, value func(e *entry) float64) column {
	return column{title: title, right: true, value: value, text: func(e *entry) string { return metricText(value(e)) }}
}

func metricText(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return report.Metric(v)
}

// table lists the columns.
func (c *comparison) tableColumns() []column {
	list := []column{
		{title: "run", text: func(e *entry) string { return e.name }},
		{title: "state", text: func(e *entry) string { return string(e.run.State) }},
	}
	for _, title := range c.columns {
		list = append(list, column{title: title, text: func(e *entry) string { return cmp.Or(e.settings[title], "–") }})
	}
	list = append(list,
		column{title: "steps", right: true, value: func(e *entry) float64 { return float64(e.steps()) }, text: func(e *entry) string {
			if e.steps() < 0 {
				return "–"
			}
			return report.Count(e.steps())
		}},
		column{title: "time", right: true, value: func(e *entry) float64 { return e.took().Seconds() }, text: func(e *entry) string {
			if e.took() < 0 {
				return "–"
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
				return "–"
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
		slices.SortStableFunc(c.all, columns[i].order)
	}
	if reverse {
		slices.Reverse(c.all)
	}
	return nil
}

// order compares two entries: as numbers where both are, and what is missing last.
func (x column) order(a, b *entry) int {
	v, w := math.NaN(), math.NaN()
	if x.value != nil {
		v, w = x.value(a), x.value(b)
	} else if p, err := strconv.ParseFloat(x.text(a), 64); err == nil {
		if q, err := strconv.ParseFloat(x.text(b), 64); err == nil {
			v, w = p, q
		}
	}
	switch {
	case math.IsNaN(v) && math.IsNaN(w) && x.value == nil:
		return strings.Compare(x.text(a), x.text(b))
	case math.IsNaN(v) && math.IsNaN(w):
		return 0
	case math.IsNaN(v):
		return 1
	case math.IsNaN(w):
		return -1
	}
	return cmp.Compare(v, w)
}
