package flowrun_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// weightsAfter runs a spec for some steps.
func weightsAfter(t *testing.T, p *flowrun.Program, steps int64) map[string]*flowrun.Tensor {
	t.Helper()
	s, err := p.Start(t.Context(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(t.Context(), flowrun.MaxSteps(steps))
	require.NoError(t, err)
	weights, err := s.Weights()
	require.NoError(t, err)
	return weights
}

func TestARenderedOrFormattedSpecRunsToTheSameBits(t *testing.T) {
	files, err := filepath.Glob("graphs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, err := flowrun.Load(file)
			require.NoError(t, err)
			want := weightsAfter(t, p, 50)
			rendered, err := flowrun.Render(file)
			require.NoError(t, err)
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			formatted, err := flowrun.Format(file, string(src))
			require.NoError(t, err)
			for _, text := range []string{rendered, formatted} {
				p, err := flowrun.Parse(file, []byte(text))
				require.NoError(t, err)
				require.Equal(t, want, weightsAfter(t, p, 50))
			}
		})
	}
}
