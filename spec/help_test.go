package spec_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

func TestTextsSuggestedByHelpAreAccepted(t *testing.T) {
	files, err := filepath.Glob(invalid + "/*.yaml")
	require.NoError(t, err)
	literal := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		_, list := spec.Parse(file, src, spec.Options{})
		for _, d := range list.Items {
			best, ok, says := obey(file, string(src), d, spec.Options{})
			if !says {
				continue
			}
			literal++
			if d.Message == "imports must be a list, not a string" {
				continue // the file that it names isn't there
			}
			if !ok || errors(best.list) > errors(list) || errors(best.list) == errors(list) && (d.Severity == diag.Error || len(best.list.Items) >= len(list.Items)) {
				t.Errorf("%s: %s\nhelp: %s\nis refused: %s", file, d.Message, d.Help, best.list.Text())
			}
		}
	}
	require.Greater(t, literal, 100)
}
