// objc_msgSend, and on x86-64 objc_msgSend_stret, as on Macs: look up a message's method
// and jump there, with all argument registers and the stack unchanged.

#if defined(__x86_64__)

// SEND(name, self, op, structure): the positions of receiver and selector. A returned
// struct's address comes before them.
__asm__(R"(
.macro SEND name, self, op, structure
    .text
    .globl \name
    .type \name, @function
\name:
    pushq %rbp
    movq %rsp, %rbp
    pushq %rax
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %r8
    pushq %r9
    subq $136, %rsp
    movups %xmm0, (%rsp)
    movups %xmm1, 16(%rsp)
    movups %xmm2, 32(%rsp)
    movups %xmm3, 48(%rsp)
    movups %xmm4, 64(%rsp)
    movups %xmm5, 80(%rsp)
    movups %xmm6, 96(%rsp)
    movups %xmm7, 112(%rsp)
    movq \self, %rax
    movq \op, %rsi
    movq %rax, %rdi
    movl $\structure, %edx
    call fake_lookup
    movq %rax, %r11
    movups (%rsp), %xmm0
    movups 16(%rsp), %xmm1
    movups 32(%rsp), %xmm2
    movups 48(%rsp), %xmm3
    movups 64(%rsp), %xmm4
    movups 80(%rsp), %xmm5
    movups 96(%rsp), %xmm6
    movups 112(%rsp), %xmm7
    addq $136, %rsp
    popq %r9
    popq %r8
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    popq %rax
    popq %rbp
    jmp *%r11
    .size \name, . - \name
.endm

SEND objc_msgSend, %rdi, %rsi, 0
SEND objc_msgSend_stret, %rsi, %rdx, 1
.purgem SEND

    .globl fake_nothing
    .hidden fake_nothing
    .type fake_nothing, @function
fake_nothing:
    xorl %eax, %eax
    xorl %edx, %edx
    xorps %xmm0, %xmm0
    xorps %xmm1, %xmm1
    ret
    .size fake_nothing, . - fake_nothing
)");

#elif defined(__aarch64__)

// The address for a returned struct is in x8, for every call.
__asm__(R"(
    .text
    .globl objc_msgSend
    .type objc_msgSend, @function
objc_msgSend:
    sub sp, sp, #224
    stp x29, x30, [sp]
    mov x29, sp
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    str x8, [sp, #80]
    stp q0, q1, [sp, #96]
    stp q2, q3, [sp, #128]
    stp q4, q5, [sp, #160]
    stp q6, q7, [sp, #192]
    mov w2, #-1
    bl fake_lookup
    mov x16, x0
    ldp q6, q7, [sp, #192]
    ldp q4, q5, [sp, #160]
    ldp q2, q3, [sp, #128]
    ldp q0, q1, [sp, #96]
    ldr x8, [sp, #80]
    ldp x6, x7, [sp, #64]
    ldp x4, x5, [sp, #48]
    ldp x2, x3, [sp, #32]
    ldp x0, x1, [sp, #16]
    ldp x29, x30, [sp]
    add sp, sp, #224
    br x16
    .size objc_msgSend, . - objc_msgSend

    .globl fake_nothing
    .hidden fake_nothing
    .type fake_nothing, @function
fake_nothing:
    mov x0, #0
    mov x1, #0
    movi v0.2d, #0
    movi v1.2d, #0
    movi v2.2d, #0
    movi v3.2d, #0
    ret
    .size fake_nothing, . - fake_nothing
)");

#else
#error "objc_msgSend is written for x86-64 and AArch64"
#endif
