package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/runs"
	"github.com/flowrun/flowrun/spec"
)

// comparison is runs beside each other.
type comparison struct {
	all     []*entry
	columns []string // the settings in which they differ that have a column: vars, seed, device, …
	specs   []string // the keys in which their specs differ besides
	metrics []string // those that were asked for
}

// entry is a run in a comparison.
type entry struct {
	run      *runs.Run
	name     string
	settings map[string]string // by their titles
	order    []string          // of settings
	keys     map[string]string // values of its spec by their keys
	keyOrder []string
	last     map[string]float64 // the last values of metrics
	soFar    *runs.Best         // of a run that has not ended
	series   []*runs.Series
}

// compare puts runs beside each other, those that began first at the top.
func compare(found []*runs.Run) *comparison {
	c := &comparison{}
	names := shortNames(found)
	for i, r := range found {
		e := &entry{run: r, name: names[i], settings: map[string]string{}, keys: map[string]string{}}
		e.readSettings()
		e.readSpec()
		e.last = e.lastValues()
		c.all = append(c.all, e)
	}
	slices.SortFunc(c.all, func(a, b *entry) int { return cmp.Or(byStart.order(a, b, false), strings.Compare(a.name, b.name)) })
	known := slices.DeleteFunc(slices.Clone(c.all), func(e *entry) bool { return e.run.Info == nil })
	c.columns = differing(known, func(e *entry) ([]string, map[string]string) { return e.order, e.settings })
	read := slices.DeleteFunc(slices.Clone(c.all), func(e *entry) bool { return e.keyOrder == nil })
	c.specs = differing(read, func(e *entry) ([]string, map[string]string) { return e.keyOrder, e.keys })
	return c
}

// shortNames names runs by their paths, without the folders that all have in common.
func shortNames(found []*runs.Run) []string {
	var parts [][]string
	for _, r := range found {
		parts = append(parts, strings.Split(filepath.ToSlash(filepath.Clean(r.Dir)), "/"))
	}
	common := 0
	for len(found) > 1 && !slices.ContainsFunc(parts, func(p []string) bool { return len(p) <= common+1 || p[common] != parts[0][common] }) {
		common++
	}
	var names []string
	for _, p := range parts {
		names = append(names, strings.Join(p[common:], "/"))
	}
	return names
}

// differing lists the keys in which not all entries agree, in the order in which they first
// occur. Having none differs from any.
func differing(all []*entry, of func(*entry) ([]string, map[string]string)) (list []string) {
	seen := map[string]bool{}
	for _, e := range all {
		order, _ := of(e)
		for _, key := range order {
			if seen[key] {
				continue
			}
			seen[key] = true
			_, first := of(all[0])
			if slices.ContainsFunc(all, func(other *entry) bool {
				_, values := of(other)
				a, is := values[key]
				b, was := first[key]
				return is != was || a != b
			}) {
				list = append(list, key)
			}
		}
	}
	return list
}

// titles are those of the table's other columns, which no setting may have.
var titles = []string{"run", "state", "steps", "time", "best", "started"}

func (e *entry) set(title, value string) {
	if slices.Contains(titles, title) || e.settings[title] != "" {
		title = "vars." + title
	}
	e.settings[title] = value
	e.order = append(e.order, title)
}

func (e *entry) readSettings() {
	info := e.run.Info
	if info == nil {
		return
	}
	e.set("spec", info.Spec)
	e.set("seed", strconv.FormatInt(info.Seed, 10))
	e.set("device", info.Device)
	if info.Weights != "" {
		e.set("weights", info.Weights)
	}
	if info.MaxSteps > 0 {
		e.set("max_steps", strconv.FormatInt(info.MaxSteps, 10))
	}
	e.set("flowrun", info.Flowrun)
	for _, name := range slices.Sorted(maps.Keys(info.Vars)) {
		e.set(name, varText(info.Vars[name]))
	}
}

// varText writes a var's value as YAML would.
func varText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// readSpec reads the keys of the rendered spec, without those that are settings.
func (e *entry) readSpec() {
	if e.run.Spec == "" {
		return
	}
	keys, err := spec.Keys(runs.SpecFile, e.run.Spec)
	if err != nil {
		e.run.Problems = append(e.run.Problems, err.Error())
		return
	}
	for _, k := range keys {
		if e.run.Info != nil && (k.Key == "seed" || k.Key == "train.max_steps" || strings.HasPrefix(k.Key, "vars.")) {
			continue
		}
		e.keys[k.Key] = seenFrom(e.run.Dir, k.Value)
		e.keyOrder = append(e.keyOrder, k.Key)
	}
}

// upward is a path in a value that leads out of the run's folder.
var upward = regexp.MustCompile(`(^|\[|, )(\.\./[^,\]]*)`)

// seenFrom is a value of a run's spec with paths as they are seen from here: runs in folders
// of different depth have the same files under different names.
func seenFrom(dir, value string) string {
	return upward.ReplaceAllStringFunc(value, func(match string) string {
		at := strings.Index(match, "../")
		path, err := filepath.Abs(filepath.Join(dir, match[at:]))
		if here, err2 := os.Getwd(); err == nil && err2 == nil {
			if near, err := filepath.Rel(here, path); err == nil {
				path = near
			}
		}
		return match[:at] + filepath.ToSlash(path)
	})
}

// lastValues are the last values of metrics: of the summary, or else of the last line.
func (e *entry) lastValues() map[string]float64 {
	values := map[string]float64{}
	var all map[string]any
	if s := e.run.Summary; s != nil && json.Unmarshal(s.Metrics, &all) == nil {
		for name, v := range all {
			switch v := v.(type) {
			case float64:
				values[name] = v
			case nil:
				values[name] = math.NaN()
			}
		}
		if s.LossStep != nil {
			values["loss_step"] = *s.LossStep
		}
		return values
	}
	return e.run.Last()
}

func (e *entry) started() time.Time {
	if e.run.Info == nil {
		return time.Time{}
	}
	return e.run.Info.Started
}

// steps is how far it has come; -1 if that is unknown.
func (e *entry) steps() int64 {
	if e.run.Summary != nil {
		return e.run.Summary.Step
	}
	if step, ok := e.last["step"]; ok {
		return int64(step)
	}
	return -1
}

// took is how long its last part ran; less than 0 if that is unknown.
func (e *entry) took() time.Duration {
	r := e.run
	if r.Summary != nil {
		return time.Duration(min(r.Summary.Seconds, math.MaxInt64/2e9) * 1e9)
	}
	if r.Info == nil {
		return -1
	}
	begun := r.Info.Started
	for _, again := range r.Info.Resumed {
		begun = again.At
	}
	end := r.Written
	if r.State == runs.StateRunning {
		end = time.Now()
	}
	return max(-1, end.Sub(begun))
}

// find finds a metric's series; nil if the run hasn't it.
func (e *entry) find(name string) *runs.Series {
	i := slices.IndexFunc(e.series, func(s *runs.Series) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return e.series[i]
}

func (e *entry) path(name string) string { return filepath.Join(e.run.Dir, name) }

// best is the best value: what the summary says or, of a run that has not ended, the best
// that was logged. It is nil if the spec doesn't say which metric that is of.
func (e *entry) best() *runs.Best {
	if e.run.Summary != nil {
		return e.run.Summary.Best
	}
	return e.soFar
}

// maxScanned is up to how many bytes metrics are read for the best value so far.
const maxScanned = 64 << 20

// readSeries reads the metrics of the names, and of a run that has not ended the best value
// that was logged, in one pass.
func (e *entry) readSeries(names []string) {
	by, read := e.undecided(), names
	if by != nil && !slices.Contains(names, by.Metric) {
		read = append(slices.Clip(names), by.Metric)
	}
	if len(read) == 0 {
		return
	}
	for _, s := range e.run.Series(read...) {
		if by != nil && s.Name == by.Metric {
			e.soFar = bestOf(s, by)
		}
		if slices.Contains(names, s.Name) {
			e.series = append(e.series, s)
		}
	}
}

// undecided says by what the best value so far has to be found; nil: it is known, or there
// is none, or too much to read.
func (e *entry) undecided() *runs.Decides {
	if e.run.Summary != nil || e.run.Info == nil {
		return nil
	}
	info, err := os.Stat(e.path(runs.MetricsFile))
	if err != nil || info.Size() > maxScanned {
		return nil
	}
	return e.run.Info.Decides
}

// bestOf is the best value of a series; nil if none is a number.
func bestOf(s *runs.Series, by *runs.Decides) *runs.Best {
	p := s.Min
	if by.Mode == "max" {
		p = s.Max
	}
	if math.IsNaN(p.Value) {
		return nil
	}
	return &runs.Best{Metric: by.Metric, Mode: by.Mode, Value: p.Value, Step: int64(p.Step)}
}

// keepFirst leaves the first of the metrics that any run has.
func (c *comparison) keepFirst(names []string) {
	for _, name := range names {
		if !slices.ContainsFunc(c.all, func(e *entry) bool { return e.find(name) != nil }) {
			continue
		}
		for _, e := range c.all {
			e.series = slices.DeleteFunc(e.series, func(s *runs.Series) bool { return s.Name != name })
		}
		return
	}
}
