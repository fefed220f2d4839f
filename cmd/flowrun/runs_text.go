package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/report/plot"
	"github.com/flowrun/flowrun/runs"
)

// table writes the runs beside each other, and in what their specs differ.
func (c *comparison) table(s streams) error {
	columns := c.tableColumns()
	var titles []string
	for _, x := range columns {
		titles = append(titles, x.title)
	}
	g := newGrid(s, titles...)
	g.width, _ = terminalWidth(s)
	for i, x := range columns {
		if x.right {
			g.right(i)
		}
	}
	for _, e := range c.all {
		var cells []string
		for _, x := range columns {
			cells = append(cells, diag.Cut(x.text(e)))
		}
		g.row(cells...)
	}
	if err := g.write(); err != nil {
		return err
	}
	return c.specDifferences(s)
}

// shownKeys is how many keys of specs are listed.
const shownKeys = 30

// specDifferences lists the keys in which specs differ, each with its values and the runs
// that have them.
func (c *comparison) specDifferences(s streams) error {
	if len(c.specs) == 0 {
		return nil
	}
	section(s, "WHAT DIFFERS IN THE SPECS, besides vars")
	g := newGrid(s)
	g.indent = "  "
	g.width, _ = terminalWidth(s)
	for _, key := range c.specs[:min(len(c.specs), shownKeys)] {
		title := key
		for _, v := range c.valuesOf(key) {
			g.row(title, v.text(), strings.Join(v.Runs, ", "))
			title = ""
		}
	}
	if more := len(c.specs) - shownKeys; more > 0 {
		g.row(fmt.Sprintf("and %d more (--json lists them)", more))
	}
	return g.write()
}

// keyValue is a value that some runs' specs have for a key; nil: they haven't the key.
type keyValue struct {
	Value *string  `json:"value"`
	Runs  []string `json:"runs"`
}

func (v keyValue) text() string {
	if v.Value == nil {
		return missing
	}
	return diag.Cut(*v.Value)
}

// valuesOf groups the runs by what their specs have for a key.
func (c *comparison) valuesOf(key string) (list []keyValue) {
	for _, e := range c.all {
		if e.keyOrder == nil {
			continue
		}
		var value *string
		if v, ok := e.keys[key]; ok {
			value = &v
		}
		i := slices.IndexFunc(list, func(v keyValue) bool {
			return (v.Value == nil) == (value == nil) && (value == nil || *v.Value == *value)
		})
		if i < 0 {
			list = append(list, keyValue{Value: value})
			i = len(list) - 1
		}
		list[i].Runs = append(list[i].Runs, e.name)
	}
	return list
}

// details writes all there is to know of a run.
func (e *entry) details(s streams) error {
	r := e.run
	head := r.Dir + ": " + string(r.State)
	if r.Summary != nil && r.State == runs.StateDone {
		head += ", " + report.Reason(r.Summary.Stopped)
	}
	if r.PID > 0 && r.State == runs.StateRunning {
		head += fmt.Sprintf(" (process %d)", r.PID)
	}
	if _, err := fmt.Fprintf(s.out, "%s\n\n", diag.Printable(head)); err != nil {
		return err
	}
	g := newGrid(s)
	g.indent, g.width = "  ", 0 // paths are needed whole
	if r.Info != nil {
		e.infoRows(g)
	}
	e.endRows(g)
	for _, problem := range r.Problems {
		g.row("problem", problem)
	}
	return g.write()
}

// infoRows say what the run is.
func (e *entry) infoRows(g *grid) {
	info := e.run.Info
	name := info.Spec
	if e.run.Spec != "" {
		name += ", as " + e.path(runs.SpecFile)
	}
	g.row("spec", name)
	var vars []string
	for _, name := range slices.Sorted(maps.Keys(info.Vars)) {
		vars = append(vars, name+" "+diag.Cut(varText(info.Vars[name])))
	}
	if len(vars) > 0 {
		g.row("vars", strings.Join(vars, ", "))
	}
	g.row("seed", fmt.Sprint(info.Seed))
	g.row("device", info.Device)
	if info.Weights != "" {
		g.row("began with", info.Weights)
	}
	g.row("started", info.Started.Local().Format("2006-01-02 15:04:05")+", flowrun "+info.Flowrun)
	for _, again := range info.Resumed {
		text := fmt.Sprintf("%s, at step %s", again.At.Local().Format("2006-01-02 15:04:05"), report.Count(again.Step))
		if len(again.Differences) > 0 {
			text += "; what differs since: " + diag.Few(again.Differences)
		}
		g.row("resumed", text)
	}
	if len(info.Command) > 0 {
		g.row("command", diag.ShellLine(typed(info.Command)...))
	}
}

// endRows say how far it has come, and where its files are.
func (e *entry) endRows(g *grid) {
	r := e.run
	if e.steps() >= 0 {
		text := report.Count(e.steps())
		if r.Info != nil && r.Info.MaxSteps > 0 {
			text += " of at most " + report.Count(r.Info.MaxSteps)
		}
		if e.took() >= 0 {
			text += ", " + report.Duration(e.took())
			if r.Info != nil && len(r.Info.Resumed) > 0 {
				text += " since it was resumed"
			}
		}
		g.row("steps", text)
	}
	if bad := e.notFinite(); bad != "" {
		g.row("not finite", bad)
	}
	if r.Summary != nil && r.Summary.Message != "" {
		label := "error"
		for line := range strings.Lines(r.Summary.Message) {
			g.row(label, strings.TrimSpace(line))
			label = ""
		}
	}
	if b := e.best(); b != nil {
		text := fmt.Sprintf("%s %s at step %s", b.Metric, report.Metric(b.Value), report.Count(b.Step))
		if b.File != "" {
			text += ", " + b.File
		}
		g.row("best", text)
	}
	var last []string
	for _, name := range e.metricNames() {
		last = append(last, name+" "+metricText(e.last[name]))
	}
	if len(last) > 0 {
		g.row("last", strings.Join(last, ", "))
	}
	for _, f := range [][2]string{{"newest checkpoint", r.Newest}, {"best checkpoint", r.Best}, {"weights", r.Weights}} {
		if f[1] != "" {
			g.row(f[0], f[1])
		}
	}
	if r.State != runs.StateDone && r.State != runs.StateRunning && r.State != runs.StateDamaged {
		g.row("to go on", e.resumeLine())
		if r.State == runs.StateDiverged {
			g.row("", "(with a setting changed: the same ones give the same bits, which diverge again)")
		}
	}
}

// state is the run's state for a table, with what a run that went on has gone on beyond.
func (e *entry) state() string {
	state := string(e.run.State)
	if bad := e.notFinite(); bad != "" {
		state += ", " + bad
	}
	return state
}

// notFinite says what wasn't finite in a run that went on regardless, or without those
// steps; "" if all was, or that has ended it.
func (e *entry) notFinite() string {
	switch s := e.run.Summary; {
	case s == nil || s.Stopped == runs.Diverged:
		return ""
	case s.Skipped > 0:
		return report.Steps(s.Skipped) + " skipped"
	case s.NonFiniteStep > 0:
		return "loss not finite at step " + report.Count(s.NonFiniteStep)
	}
	return ""
}

// metricNames lists the metrics with a last value in the spec's order, others behind them.
func (e *entry) metricNames() (names []string) {
	if e.run.Info != nil {
		names = slices.DeleteFunc(slices.Clone(e.run.Info.Metrics), func(name string) bool { _, ok := e.last[name]; return !ok })
	}
	if _, ok := e.last["loss_step"]; ok {
		names = append(names, "loss_step")
	}
	return names
}

// resumeLine is the command that continues a run.
func (e *entry) resumeLine() string {
	command := []string{"flowrun", "run", "SPEC"}
	if info := e.run.Info; info != nil {
		command[2] = info.Spec
		if len(info.Command) > 0 {
			command = typed(info.Command)
		}
	}
	command = withoutOut(command)
	command = append(command, "--out", e.run.Dir) // the folder may have been moved
	if !slices.ContainsFunc(command, func(a string) bool { return a == "--resume" || strings.HasPrefix(a, "--resume=") }) {
		command = append(command, "--resume")
	}
	return diag.ShellLine(command...)
}

// typed is a recorded command as one types it: the program's name without its folder.
func typed(command []string) []string {
	command = slices.Clone(command)
	if name := filepath.Base(command[0]); strings.HasPrefix(name, "flowrun") {
		command[0] = name
	}
	return command
}

// withoutOut is a command without --out.
func withoutOut(command []string) (rest []string) {
	for i := 0; i < len(command); i++ {
		switch {
		case command[i] == "--out":
			i++
		case !strings.HasPrefix(command[i], "--out="):
			rest = append(rest, command[i])
		}
	}
	return rest
}

// curves are the metrics that are drawn of a run where none is asked for: the loss, and
// that of the evaluation.
func (e *entry) curves() []string {
	var base string
	if b := e.best(); b != nil {
		base = strings.TrimPrefix(b.Metric, ir.EvalPrefix)
	} else if e.run.Info != nil && e.run.Info.Decides != nil {
		base = strings.TrimPrefix(e.run.Info.Decides.Metric, ir.EvalPrefix)
	} else if e.run.Info != nil && len(e.run.Info.Metrics) > 0 {
		base = strings.TrimPrefix(e.run.Info.Metrics[0], ir.EvalPrefix)
	} else {
		return []string{"loss", "loss_step"}
	}
	return []string{base, ir.EvalPrefix + base}
}

// charts are the charts of the series that were read: one for each metric that was asked
// for, with a curve for each run; of one run where none was, one of all that were read.
func (o *runsFlags) charts(c *comparison) (charts []*plot.Chart) {
	if len(o.metrics) == 0 {
		chart := &plot.Chart{X: "steps", LogY: o.logY}
		for _, e := range c.all {
			for _, s := range e.series {
				name := s.Name
				if len(c.all) > 1 {
					name = e.name
				}
				chart.Lines = append(chart.Lines, curve(name, s))
				if chart.Title == "" {
					chart.Title, chart.Y = s.Name, s.Name
				}
			}
		}
		if len(chart.Lines) > 0 {
			charts = append(charts, chart)
		}
		return charts
	}
	for _, name := range o.metrics {
		chart := &plot.Chart{Title: name, X: "steps", Y: name, LogY: o.logY}
		for _, e := range c.all {
			if s := e.find(name); s != nil {
				chart.Lines = append(chart.Lines, curve(e.name, s))
			}
		}
		charts = append(charts, chart)
	}
	return charts
}

func curve(name string, s *runs.Series) plot.Line {
	l := plot.Line{Name: name}
	for _, p := range s.Points() {
		l.Points = append(l.Points, plot.Point{X: p.Step, Y: p.Value})
	}
	return l
}

// draw draws the charts as text.
func (o *runsFlags) draw(c *comparison, s streams) error {
	to := plot.TextOptions{Width: int(o.width), Height: int(o.height), ASCII: o.ascii || !unicodeLocale(), Colour: colourful(s.out)}
	if to.Width == 0 {
		to.Width = min(screenWidth(s), 120)
	}
	if to.Height == 0 {
		to.Height = 20
	}
	for _, chart := range o.charts(c) {
		if _, err := io.WriteString(s.out, "\n"); err != nil {
			return err
		}
		if err := chart.WriteText(s.out, to); err != nil {
			return err
		}
	}
	return nil
}

// unicodeLocale reports whether the environment doesn't ask for another encoding than
// UTF-8. What it says nothing about may be anything, and nowadays is UTF-8.
func unicodeLocale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "utf8")
		}
	}
	return true
}
