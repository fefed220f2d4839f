package tensorboard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// prefix is what the names of event files have in common; readers look for it.
const prefix = "events.out.tfevents."

// HasEvents reports whether a folder has event files. One that isn't there has none.
func HasEvents(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), "tfevents") {
			return true, nil
		}
	}
	return false, err
}

// Create makes the folder, if it isn't there, and a new event file in it, whose name comes
// after those of earlier ones: readers go through files by name.
func Create(dir string, at time.Time) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	seconds := max(at.Unix(), latest(dir)+1)
	host, err := os.Hostname()
	if err != nil || strings.ContainsAny(host, "/\\") {
		host = "localhost"
	}
	for i := range 1000 {
		name := fmt.Sprintf("%s%010d.%s.%d.%d", prefix, seconds, host, os.Getpid(), i)
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, os.ErrExist) {
			return file, err
		}
	}
	return nil, fmt.Errorf("%s has a thousand event files of this second", dir)
}

// latest is the time in the names of a folder's event files that is the latest; 0 if there
// is none.
func latest(dir string) (seconds int64) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		var s int64
		rest, is := strings.CutPrefix(e.Name(), prefix)
		if _, err := fmt.Sscanf(rest, "%d.", &s); is && err == nil && s < 1<<40 {
			seconds = max(seconds, s)
		}
	}
	return seconds
}
