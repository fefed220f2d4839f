package spec_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/autodiff"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/spec"
)

// checkAll is a check as validate makes it: the text, its gradients, and its report
// in all formats.
func checkAll(name, text string) (program *spec.Program, list diag.List, report int) {
	program, list = spec.Parse(name, []byte(text), spec.Options{AllowRead: dataOfGraphs})
	if program != nil {
		list.Bounded(func() {
			for _, g := range program.Graphs() {
				if autodiff.Expand(g, list.Budget) != nil {
					return
				}
			}
		})
	}
	r := diag.Report{Checked: []diag.Checked{{File: name, Findings: list}}}
	for _, format := range diag.Formats() {
		var out bytes.Buffer
		_ = r.Write(&out, format)
		report = max(report, out.Len())
	}
	return program, list, report
}

// What a check allocates is paid for: work that no unit is spent on is work without
// a bound. (Bytes that are allocated don't depend on how busy the machine is; the
// time that is allowed beside is that of a machine that does much else.)
func TestEveryKindOfGrowthIsChargedToTheBudget(t *testing.T) {
	if racetest.Enabled {
		t.Skip("counts bytes; the race detector allocates some of its own")
	}
	spec.Parse("first.yaml", []byte(node("1.0")), spec.Options{}) // reads the standard library
	const (
		perUnit = 1.0      // bytes, those that were freed too
		free    = 48 << 20 // of the text itself, and its reports
	)
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			text := s.text(s.n)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			program, list, report := checkAll("shape.yaml", text)
			elapsed := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated, spent := float64(after.TotalAlloc-before.TotalAlloc), float64(list.Budget.Spent())
			t.Logf("%.2f s, %.0f MiB allocated, %.0f %% spent, %.2f bytes a unit; %s", elapsed.Seconds(), allocated/(1<<20), 100*spent/diag.WholeBudget, allocated/spent, first(list))
			require.Less(t, allocated, perUnit*spent+free)
			require.Less(t, elapsed, 60*time.Second)
			require.Less(t, report, 4<<20, "bytes of a report")
			require.True(t, program != nil || list.HasErrors())
			require.LessOrEqual(t, len(list.Items), diag.MaxItems+2)
		})
	}
}

func first(l diag.List) string {
	for _, d := range l.Items {
		if d.Rule == diag.OverBudget {
			return d.Message
		}
	}
	if len(l.Items) > 0 {
		return l.Items[0].Message
	}
	return "valid"
}

// The budget runs out at a place that the user wrote, with a word on what it went
// into, and always at the same one.
func TestAnExceededBudgetNamesItsLargestShare(t *testing.T) {
	for name, want := range map[string]string{
		"lists in lists":                    "list elements",
		"lists joined":                      "list elements",
		"one long expression, many aliases": "parsing expressions",
		"gradients of gradients":            "the nodes of gradients",
		"stars against long paths":          "matching patterns with paths",
		"a long name that is repeated":      "long names and paths",
		"modules that double":               "expanding modules",
		"typos among long names":            "comparing names",
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range shapes {
				if s.name != name {
					continue
				}
				text := s.text(s.n)
				_, list, _ := checkAll("shape.yaml", text)
				d := list.Items[len(list.Items)-1]
				for _, item := range list.Items {
					if item.Rule == diag.OverBudget {
						d = item
					}
				}
				require.Equal(t, diag.OverBudget, d.Rule, list.Text()[:min(2000, len(list.Text()))])
				require.Contains(t, d.Message, want)
				require.True(t, d.Range.Known())
				require.Equal(t, "shape.yaml", d.Range.File)
				require.NotEmpty(t, d.Help)
				_, again, _ := checkAll("shape.yaml", text)
				require.Equal(t, list.Items, again.Items)
				return
			}
			t.Fatal("there is no such shape")
		})
	}
}

// A spec and all that it imports have one budget.
func TestImportsSpendTheBudgetOfTheSpec(t *testing.T) {
	dir := t.TempDir()
	library := "flowrun: 1\nmodules:\n  M%d:\n    doc: \"" + strings.Repeat("x", 4_000_000) + "\"\n    inputs: {x: \"f32[1]\"}\n    output: x\n"
	var names []string
	for i := range 30 {
		name := fmt.Sprintf("l%d.yaml", i)
		names = append(names, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, library, i), 0o600))
	}
	text := "flowrun: 1\nimports: [" + strings.Join(names, ", ") + "]\n" + head[11:] + tail0
	_, list, _ := checkAll(filepath.Join(dir, "spec.yaml"), text)
	require.Contains(t, first(list), "most of it was spent on reading texts")
}

// Real specs are far from the bounds.
func TestRealSpecsUseLittleOfTheirBudget(t *testing.T) {
	files, err := filepath.Glob("../graphs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		_, list, _ := checkAll(file, string(src))
		require.False(t, list.HasErrors(), list.Text())
		require.Less(t, list.Budget.Spent(), diag.WholeBudget/20, file)
	}
	deep := trainedOn(1000, "{Linear: h%d, out_features: 4}", adam)
	_, list, _ := checkAll("deep.yaml", deep)
	require.False(t, list.HasErrors(), list.Text())
	require.Less(t, list.Budget.Spent(), diag.WholeBudget*2/3, "a thousand layers")
}

// A list of lists costs the elements that it has written out, where it is made.
func TestAListIsChargedForAllItsElements(t *testing.T) {
	const element = 30 + 16*diag.KeptByte // what one costs at least, in spec
	for _, format := range []string{"[a%d, a%d]", "a%d + a%d"} {
		spent := func(n int) int {
			_, list, _ := checkAll("lists.yaml", listArgs(n, format, "x + len(a%d)"))
			require.False(t, list.HasErrors(), list.Text())
			return list.Budget.Spent()
		}
		require.Greater(t, spent(14)-spent(13), 1<<15*element, format) // the last has 2^15 elements
	}
}
