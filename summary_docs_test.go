package flowrun_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// Whatever is a valid spec in the pages has a summary.
func TestSpecsOfThePagesHaveSummaries(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	found := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			if !strings.HasPrefix(block, "flowrun: 1") {
				continue
			}
			p, err := flowrun.Parse("example.yaml", []byte(block))
			if err != nil {
				continue // a page's own test says whether it should be valid
			}
			found++
			m, err := p.Summarize(flowrun.SummaryOptions{Device: "cpu"})
			require.NoError(t, err, page)
			require.NotEmpty(t, m.Layers, page)
		}
	}
	require.GreaterOrEqual(t, found, 2)
}
