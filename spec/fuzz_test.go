package spec_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

// FuzzLoad feeds texts to the whole front end: it must end, with a valid program
// or with an error at a place inside of the text; and what it renders must be
// final, and the same program.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{invalid + "/*.yaml", "../graphs/*.yaml", "std/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			src, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(string(src))
		}
	}
	for _, text := range []string{withFiles, joined, fromCSV} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, list := spec.Parse("fuzz.yaml", []byte(text), spec.Options{})
		require.Equal(t, p == nil, list.HasErrors(), list.Text())
		for _, d := range list.Items {
			require.NotEmpty(t, d.Rule.Doc(), d.Rule)
			require.NotEmpty(t, d.Message)
			require.False(t, d.Range.End.Before(d.Range.Start), "%v", d)
		}
		if p == nil {
			return
		}
		for _, g := range []*ir.Graph{p.Train, p.Infer, p.Init} {
			if g != nil {
				require.NoError(t, ir.Verify(g, true))
			}
		}
		once, rendered := spec.Render("fuzz.yaml", []byte(text), spec.Options{})
		require.False(t, rendered.HasErrors(), rendered.Text())
		same, again := spec.Parse("fuzz.yaml", []byte(once), spec.Options{})
		require.False(t, again.HasErrors(), "%s\n%s", once, again.Text())
		require.Equal(t, programText(t, p), programText(t, same), once)
		twice, rendered := spec.Render("fuzz.yaml", []byte(once), spec.Options{})
		require.False(t, rendered.HasErrors(), "%s\n%s", once, rendered.Text())
		require.Equal(t, once, twice)
	})
}
