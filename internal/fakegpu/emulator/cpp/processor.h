// The processor-dependent parts: switching stacks, and flushing subnormal f32 to 0.

#pragma once

// Saves the callee-saved registers on this stack, and restores them from the other.
extern "C" void emulator_switch(void **from, void *to);

#if defined(__x86_64__)

#include <xmmintrin.h>

__asm__(R"(
.text
.globl emulator_switch
.hidden emulator_switch
.type emulator_switch, @function
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

// The initial stack of a new function: registers, its address, and a word for alignment.
const int saved_words = 8, begins_at = 6;

inline unsigned arithmetic() { return _mm_getcsr(); }
inline void set_arithmetic(unsigned mode) { _mm_setcsr(mode); }
const unsigned flushing = 0x8040; // operands (DAZ, bit 6) and results (FTZ, bit 15)

#elif defined(__aarch64__)

__asm__(R"(
.text
.globl emulator_switch
.hidden emulator_switch
.type emulator_switch, @function
emulator_switch:
    sub sp, sp, #160
    stp x29, x30, [sp]
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp d14, d15, [sp, #144]
    ldp d12, d13, [sp, #128]
    ldp d10, d11, [sp, #112]
    ldp d8, d9, [sp, #96]
    ldp x27, x28, [sp, #80]
    ldp x25, x26, [sp, #64]
    ldp x23, x24, [sp, #48]
    ldp x21, x22, [sp, #32]
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp]
    add sp, sp, #160
    ret
)");

const int saved_words = 20, begins_at = 1; // x30

inline unsigned long arithmetic() { return __builtin_arm_rsr64("fpcr"); }
inline void set_arithmetic(unsigned long mode) { __builtin_arm_wsr64("fpcr", mode); }
const unsigned long flushing = 1 << 24; // FZ: operands and results

#else
#error "stacks are changed here on x86-64 and AArch64"
#endif
