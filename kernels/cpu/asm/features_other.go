//go:build !amd64

package asm

const hasAVX2, hasAVX512 = false, false
