;; out = x · w + bias, four rows by eight columns at a time: the detector's linear layers and its attention.
;;
;; Places are in bytes; `..._step` leads from one row to the next. rows is a multiple of 4, columns of 8.
;; x is (rows, inner), w is (inner, columns), bias is (columns), out is (rows, columns), all float32.
(module
  (memory (export "memory") 64) ;; 4 MB: the weights and all that a pass writes down
  (func (export "matmul")
    (param $out i32) (param $out_step i32) (param $x i32) (param $x_step i32)
    (param $w i32) (param $w_step i32) (param $bias i32)
    (param $rows i32) (param $inner i32) (param $columns i32)
    (local $column i32) (local $k i32) (local $to i32)
    (local $x0 i32) (local $x1 i32) (local $x2 i32) (local $x3 i32) (local $weights i32)
    (local $left v128) (local $right v128) (local $value v128)
    (local $l0 v128) (local $r0 v128) (local $l1 v128) (local $r1 v128) ;; sums: rows 0 to 3,
    (local $l2 v128) (local $r2 v128) (local $l3 v128) (local $r3 v128) ;; left and right four columns
    (loop $each_four_rows
      (local.set $column (i32.const 0))
      (loop $each_eight_columns
        (local.set $l0 (v128.load (i32.add (local.get $bias) (local.get $column))))
        (local.set $r0 (v128.load offset=16 (i32.add (local.get $bias) (local.get $column))))
        (local.set $l1 (local.get $l0)) (local.set $r1 (local.get $r0))
        (local.set $l2 (local.get $l0)) (local.set $r2 (local.get $r0))
        (local.set $l3 (local.get $l0)) (local.set $r3 (local.get $r0))
        (local.set $x0 (local.get $x))
        (local.set $x1 (i32.add (local.get $x0) (local.get $x_step)))
        (local.set $x2 (i32.add (local.get $x1) (local.get $x_step)))
        (local.set $x3 (i32.add (local.get $x2) (local.get $x_step)))
        (local.set $weights (i32.add (local.get $w) (local.get $column)))
        (local.set $k (local.get $inner))
        (loop $each_k
          (local.set $left (v128.load (local.get $weights)))
          (local.set $right (v128.load offset=16 (local.get $weights)))
          (local.set $value (v128.load32_splat (local.get $x0)))
          (local.set $l0 (f32x4.add (local.get $l0) (f32x4.mul (local.get $value) (local.get $left))))
          (local.set $r0 (f32x4.add (local.get $r0) (f32x4.mul (local.get $value) (local.get $right))))
          (local.set $value (v128.load32_splat (local.get $x1)))
          (local.set $l1 (f32x4.add (local.get $l1) (f32x4.mul (local.get $value) (local.get $left))))
          (local.set $r1 (f32x4.add (local.get $r1) (f32x4.mul (local.get $value) (local.get $right))))
          (local.set $value (v128.load32_splat (local.get $x2)))
          (local.set $l2 (f32x4.add (local.get $l2) (f32x4.mul (local.get $value) (local.get $left))))
          (local.set $r2 (f32x4.add (local.get $r2) (f32x4.mul (local.get $value) (local.get $right))))
          (local.set $value (v128.load32_splat (local.get $x3)))
          (local.set $l3 (f32x4.add (local.get $l3) (f32x4.mul (local.get $value) (local.get $left))))
          (local.set $r3 (f32x4.add (local.get $r3) (f32x4.mul (local.get $value) (local.get $right))))
          (local.set $x0 (i32.add (local.get $x0) (i32.const 4)))
          (local.set $x1 (i32.add (local.get $x1) (i32.const 4)))
          (local.set $x2 (i32.add (local.get $x2) (i32.const 4)))
          (local.set $x3 (i32.add (local.get $x3) (i32.const 4)))
          (local.set $weights (i32.add (local.get $weights) (local.get $w_step)))
          (br_if $each_k (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
        (local.set $to (i32.add (local.get $out) (local.get $column)))
        (v128.store (local.get $to) (local.get $l0))
        (v128.store offset=16 (local.get $to) (local.get $r0))
        (local.set $to (i32.add (local.get $to) (local.get $out_step)))
        (v128.store (local.get $to) (local.get $l1))
        (v128.store offset=16 (local.get $to) (local.get $r1))
        (local.set $to (i32.add (local.get $to) (local.get $out_step)))
        (v128.store (local.get $to) (local.get $l2))
        (v128.store offset=16 (local.get $to) (local.get $r2))
        (local.set $to (i32.add (local.get $to) (local.get $out_step)))
        (v128.store (local.get $to) (local.get $l3))
        (v128.store offset=16 (local.get $to) (local.get $r3))
        (local.set $column (i32.add (local.get $column) (i32.const 32)))
        (br_if $each_eight_columns
          (i32.lt_u (local.get $column) (i32.shl (local.get $columns) (i32.const 2)))))
      (local.set $x (i32.add (local.get $x) (i32.shl (local.get $x_step) (i32.const 2))))
      (local.set $out (i32.add (local.get $out) (i32.shl (local.get $out_step) (i32.const 2))))
      (br_if $each_four_rows
        (i32.gt_s (local.tee $rows (i32.sub (local.get $rows) (i32.const 4))) (i32.const 0))))))
