"""Small compiled programs, written by hand."""

from jaxlib._hlo import hlo_module_from_text

from tf_emcom.tools.preflight.hlo import Program


def program(text):
    return Program(hlo_module_from_text(text).as_serialized_hlo_module_proto())


MATMUL = """HloModule matmul

ENTRY %main (a: f32[64,32], b: f32[32,16]) -> f32[64,16] {
  %a = f32[64,32]{1,0} parameter(0)
  %b = f32[32,16]{1,0} parameter(1)
  ROOT %dot = f32[64,16]{1,0} dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
"""

# Ten rounds of a product with a matrix that stays on the chip; the state goes to HBM and back in every round.
LOOP = """HloModule loop

%body (state: (s32[], f32[64,64], f32[64,64])) -> (s32[], f32[64,64], f32[64,64]) {
  %state = (s32[], f32[64,64]{1,0}, f32[64,64]{1,0:S(1)}) parameter(0)
  %count = s32[] get-tuple-element(%state), index=0
  %one = s32[] constant(1)
  %next = s32[] add(%count, %one)
  %x = f32[64,64]{1,0} get-tuple-element(%state), index=1
  %w = f32[64,64]{1,0:S(1)} get-tuple-element(%state), index=2
  %y = f32[64,64]{1,0} dot(%x, %w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT %out = (s32[], f32[64,64]{1,0}, f32[64,64]{1,0:S(1)}) tuple(%next, %y, %w)
}

%condition (given: (s32[], f32[64,64], f32[64,64])) -> pred[] {
  %given = (s32[], f32[64,64]{1,0}, f32[64,64]{1,0:S(1)}) parameter(0)
  %counter = s32[] get-tuple-element(%given), index=0
  %limit = s32[] constant(10)
  ROOT %less = pred[] compare(%counter, %limit), direction=LT
}

ENTRY %main (x: f32[64,64], w: f32[64,64]) -> f32[64,64] {
  %x.1 = f32[64,64]{1,0} parameter(0)
  %w.1 = f32[64,64]{1,0} parameter(1)
  %start = (f32[64,64]{1,0:S(1)}, f32[64,64]{1,0}, u32[]{:S(2)}) copy-start(%w.1)
  %near = f32[64,64]{1,0:S(1)} copy-done(%start)
  %zero = s32[] constant(0)
  %first = (s32[], f32[64,64]{1,0}, f32[64,64]{1,0:S(1)}) tuple(%zero, %x.1, %near)
  %loop = (s32[], f32[64,64]{1,0}, f32[64,64]{1,0:S(1)}) while(%first), condition=%condition, body=%body
  ROOT %y.1 = f32[64,64]{1,0} get-tuple-element(%loop), index=1
}
"""

# A row of a stack of 5 is read and written; the stack itself stays where it is.
ROW = """HloModule row

%fused (stack: f32[5,256], index: s32[]) -> f32[5,256] {
  %stack = f32[5,256]{1,0} parameter(0)
  %index = s32[] parameter(1)
  %zero = s32[] constant(0)
  %row = f32[1,256]{1,0} dynamic-slice(%stack, %index, %zero), dynamic_slice_sizes={1,256}
  %twice = f32[1,256]{1,0} add(%row, %row)
  ROOT %changed = f32[5,256]{1,0} dynamic-update-slice(%stack, %twice, %index, %zero)
}

ENTRY %main (stacks: f32[5,256], which: s32[]) -> f32[5,256] {
  %stacks = f32[5,256]{1,0} parameter(0)
  %which = s32[] parameter(1)
  ROOT %update = f32[5,256]{1,0} fusion(%stacks, %which), kind=kLoop, calls=%fused
}
"""
