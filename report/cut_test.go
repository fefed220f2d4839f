package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/engine"
)

// Names that differ from "step" in their case only are metrics like others.
func TestALogIsCutWhateverItsMetricsAreCalled(t *testing.T) {
	for _, name := range []string{"loss", "Step", "STEP", "\u017ftep", "step ", `"step"`, "steps"} {
		for _, csv := range []bool{false, true} {
			file, err := os.Create(filepath.Join(t.TempDir(), "log"))
			require.NoError(t, err)
			defer file.Close()
			run := Run{Metrics: []string{name}}
			log := NewLog(file, run)
			if csv {
				log = NewCSV(file, run, true)
			}
			var size int64
			for step := int64(1); step <= 3; step++ {
				require.NoError(t, log.write(engine.Record{Step: step, Metrics: []float64{0.5}, Loss: 9}))
				require.NoError(t, log.Flush())
				if step == 2 {
					info, err := file.Stat()
					require.NoError(t, err)
					size = info.Size()
				}
			}
			_, err = file.Seek(0, 0)
			require.NoError(t, err)
			run.Start = 2
			var told []string
			end, err := run.Cut(file, csv, func(text string) { told = append(told, text) })
			require.NoError(t, err, name)
			require.Equal(t, size, end, name)
			require.Equal(t, []string{"truncating " + file.Name() + " after step 2"}, told, name)
		}
	}
}

func TestAFirstLineWithoutAStepIsOfNoLog(t *testing.T) {
	for _, line := range []string{`{}`, `{"Step":1}`, `{"step":null}`, `{"step":"1"}`, `{"step":1.5}`, `{"step":1`, `[1]`, `null`} {
		path := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(path, []byte(line+"\n{\"step\":2}\n"), 0o644))
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		defer file.Close()
		_, err = Run{Start: 1}.Cut(file, false, func(string) {})
		require.ErrorContains(t, err, "it isn't a flowrun log", line)
	}
}
