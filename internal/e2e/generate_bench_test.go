package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// What a token costs with keys and values kept in states, and without: its context is 256
// tokens.
func BenchmarkGenerate(b *testing.B) {
	for name, cached := range map[string]bool{"cached": true, "anew": false} {
		b.Run(name, func(b *testing.B) {
			g, err := modelOf(b, 256, "f32", cached).StartGenerator(b.Context(), flowrun.On("cpu"))
			require.NoError(b, err)
			defer g.Close()
			o := flowrun.GenerateOptions{MaxTokens: 200, Temperature: 1}
			b.ReportAllocs()
			tokens := 0
			for b.Loop() {
				answer, err := g.Generate(b.Context(), "1 2 3", o, nil)
				require.NoError(b, err)
				tokens += len(answer.Tokens)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(tokens), "µs/token")
		})
	}
}
