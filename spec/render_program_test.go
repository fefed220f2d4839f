package spec_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// positions are where parts of a program stand in a text, and in memory.
var positions = regexp.MustCompile(`Origin:[^{}]*?:\d+:\d+|0x[0-9a-f]+`)

// programText is all of a program but where its parts stand in a text.
func programText(t *testing.T, p *spec.Program) string {
	t.Helper()
	var b bytes.Buffer
	for _, g := range p.Graphs() {
		require.NoError(t, ir.Fprint(&b, g))
		for _, n := range g.Nodes {
			fmt.Fprintf(&b, "%d %q at %q on %q or %q: %v\n", n.ID, n.Name, n.Path, n.Device, n.Prefer, n.Attrs)
		}
		for _, s := range g.States {
			fmt.Fprintf(&b, "%q on %q or %q\n", s.Name, s.Device, s.Prefer)
		}
	}
	loop := p.Loop
	if loop.Evaluation != nil {
		e := *loop.Evaluation
		e.Graph = nil
		fmt.Fprintf(&b, "%+v\n", e)
	}
	for _, part := range []any{loop.EarlyStop, loop.Checkpoint, loop.Weights} {
		fmt.Fprintf(&b, "%+v\n", part)
	}
	if loop.Checkpoint != nil && loop.Checkpoint.Best != nil {
		fmt.Fprintf(&b, "%+v\n", *loop.Checkpoint.Best)
	}
	fmt.Fprintf(&b, "%v %v %v %v\n", loop.Metrics, loop.Until, loop.MaxSteps, loop.LogEvery)
	fmt.Fprintf(&b, "%v %v %+v %+v\n", p.Name, p.Seed, p.DataSources, p.Placement)
	return positions.ReplaceAllString(b.String(), "")
}

// rendersToItself claims what rendering promises, of a valid text.
func rendersToItself(t *testing.T, name, text string, o spec.Options) string {
	t.Helper()
	want, list := spec.Parse(name, []byte(text), o)
	require.False(t, list.HasErrors(), list.Text())
	once := render(t, name, text, o)
	got, list := spec.Parse(name, []byte(once), spec.Options{AllowRead: o.AllowRead})
	require.False(t, list.HasErrors(), "%s\n%s", list.Text(), once)
	require.Equal(t, programText(t, want), programText(t, got), once)
	require.Equal(t, once, render(t, name, once, spec.Options{AllowRead: o.AllowRead}), "rendering again changes nothing")
	require.NotRegexp(t, `(?m)^imports|[{ ]imports:`, once)
	return once
}

// validTexts are all valid specs of the repository, by what they are.
func validTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../graphs/*.yaml", "testdata/*/*.yaml", "std/testdata/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			texts[file] = string(src)
		}
	}
	block := regexp.MustCompile("(?sm)^```yaml[^\n]*\n(flowrun: 1\n.*?)^```$")
	pages, err := filepath.Glob("../docs/rules/*.md")
	require.NoError(t, err)
	for _, page := range append(pages, "../docs/language.md") {
		src, err := os.ReadFile(page)
		require.NoError(t, err)
		for i, m := range block.FindAllSubmatch(src, -1) {
			texts[fmt.Sprintf("%s.%d.yaml", page, i)] = string(m[1])
		}
	}
	for _, m := range spec.StandardModules() {
		text := exampleSpec(exampleOf(m))
		texts["std/"+m.Name+".yaml"] = text
		texts["pasted/"+m.Name+".yaml"] = text + strings.Replace(m.Source, "    doc:", "    override: true\n    doc:", 1)
	}
	for name, text := range texts {
		if _, list := spec.Parse(name, []byte(text), spec.Options{}); list.HasErrors() {
			delete(texts, name)
		}
	}
	return texts
}

func TestARenderedSpecIsTheSameProgram(t *testing.T) {
	texts := validTexts(t)
	require.Greater(t, len(texts), 80)
	var kinds []string
	for name, text := range texts {
		if kind := filepath.Base(filepath.Dir(name)); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		t.Run(name, func(t *testing.T) { rendersToItself(t, name, text, spec.Options{}) })
	}
	slices.Sort(kinds)
	require.Equal(t, "docs graphs invalid pasted reference rules std", strings.Join(kinds, " "))
}
