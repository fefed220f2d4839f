//go:build nogpu || !((linux && (amd64 || arm64)) || darwin)

package metal

import "errors"

const isMac = false

var errPlatform = errors.New("the fake is for Linux on amd64 and arm64, and Metal for macOS")

func probe() error { return errPlatform }

func open(string) error { return errPlatform }

func invoke(string, string, int64) (int64, error) { return 0, errPlatform }
