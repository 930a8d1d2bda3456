! The Fortran module of resume: protects variables of any kind and rank, saves and restores them.
!
!     use resume
!     integer, target :: step = 0
!     real(8), allocatable, target :: field(:, :)
!     type(resume_checkpoint) :: ck
!     logical :: restored
!     allocate (field(nx, ny))
!     call resume_open(ck, 'heat')                       ! the name of the checkpoint
!     call resume_protect(ck, 'step', step)
!     call resume_protect(ck, 'field', field)
!     if (resume_restore(ck, restored) /= 0) error stop resume_message(ck)
!     do while (step < steps)
!       ...
!       step = step + 1
!       if (resume_sync(ck) /= 0) print *, resume_message(ck)   ! saves when a save is due
!     end do
!     status = resume_close(ck)
!
! Compile this file with the compiler of the program (module files fit no other) and link -lresume.
!
! The rules are those of resume/resume.h. In short: a status is 0 or an error, resume_message tells
! it. An error of resume_open or resume_protect stays and comes out of resume_restore. What is
! protected has the attribute `target` (or is a pointer), is contiguous, has its final shape, and
! stays where it is until resume_unprotect or the end of the checkpoint: an array is allocated
! before it is protected, and unprotected before it is allocated anew.
module resume
  use, intrinsic :: iso_c_binding
  use, intrinsic :: iso_fortran_env, only: int8, int16, int32, int64, real32, real64
  implicit none
  private
  public :: resume_checkpoint, resume_information
  public :: resume_open, resume_read, resume_protect, resume_protect_random, resume_protect_state
  public :: resume_write, resume_unprotect, resume_restore, resume_sync, resume_save, &
    resume_wait, resume_done
  public :: resume_close, resume_leave, resume_look, resume_report, resume_message
  public :: resume_status_name, resume_status_text, resume_version

  ! Statuses, as in resume/status.h; the numbers never change.
  integer, parameter, public :: RESUME_OK = 0, RESUME_NOT_FOUND = 1, RESUME_NOT_A_CHECKPOINT = 2, &
    RESUME_LEGACY = 3, RESUME_UNSUPPORTED = 4, RESUME_DAMAGED = 5, RESUME_TRUNCATED = 6, &
    RESUME_IO = 7, RESUME_NO_SPACE = 8, RESUME_DENIED = 9, RESUME_LOCKED = 10, &
    RESUME_UNTRUSTED = 11, RESUME_NO_MEMORY = 12, RESUME_LIMIT = 13, RESUME_MISUSE = 14, &
    RESUME_BAD_NAME = 15, RESUME_UNSAFE_PATH = 16, RESUME_EXISTS = 17, RESUME_FORKED = 18, &
    RESUME_CODEC = 19, RESUME_MISMATCH = 20
  ! Of resume_open
  real(c_double), parameter, public :: RESUME_EVERY_SYNC = -1
  real(c_double), parameter, public :: RESUME_AUTO = -2
  integer, parameter, public :: RESUME_AGAIN_CONTINUE = 0, RESUME_AGAIN_FRESH = 1, &
    RESUME_AGAIN_ERROR = 2
  integer, parameter, public :: RESUME_COMPRESS_AUTO = 0, RESUME_COMPRESS_NEVER = 1, &
    RESUME_COMPRESS_ALWAYS = 2
  ! What resume_look found, and what resume_report tells
  integer, parameter, public :: RESUME_FOUND_NOTHING = 0, RESUME_FOUND_CUT_OFF = 1, &
    RESUME_FOUND_ENDED = 2
  integer, parameter, public :: RESUME_RESTORED = 0, RESUME_MISSING = 1, RESUME_UNUSED = 2

  ! Numbers of resume_type and resume_order
  integer(c_int), parameter :: of_bool = 1, of_char = 2, of_int8 = 3, of_int16 = 4, of_int32 = 5, &
    of_int64 = 6, of_float32 = 11, of_float64 = 12, of_complex64 = 14, of_complex128 = 15
  integer(c_int), parameter :: columns = 1

  type :: resume_checkpoint
    private
    type(c_ptr) :: handle = c_null_ptr
    character(len=:), allocatable :: trouble ! an error of this module, which stays
  end type

  type :: resume_information
    character(len=:), allocatable :: path, warning, aside
    integer :: found = RESUME_FOUND_NOTHING
    integer(int64) :: generation = 0, saved_ns = 0, saves = 0, failures = 0, bytes_written = 0, &
      state_size = 0
  end type

  type, bind(C) :: c_options
    type(c_ptr) :: folder = c_null_ptr, program = c_null_ptr
    real(c_double) :: rate_s = 0, expire_ended_s = 0, expire_cut_off_s = 0
    integer(c_int) :: again = 0, compress = 0, keep_last = 0, keep_hourly = 0, keep_daily = 0, &
      clean = 0, strict = 0, any_program = 0, independent_ranks = 0
    real(c_double) :: overhead = 0
    integer(c_int) :: foreground = 0
  end type

  type, bind(C) :: c_info
    type(c_ptr) :: path = c_null_ptr
    integer(c_int) :: found = 0
    integer(c_int64_t) :: generation = 0, saved_ns = 0, saves = 0, failures = 0, &
      bytes_written = 0, state_size = 0
    type(c_ptr) :: aside = c_null_ptr, warning = c_null_ptr
  end type

  interface
    integer(c_int) function c_open(checkpoint, name, function, options, options_size) &
      bind(C, name='resume_open_function')
      import :: c_int, c_ptr, c_char, c_options, c_size_t
      type(c_ptr), intent(out) :: checkpoint
      type(c_ptr), value :: name, function
      type(c_options), intent(in) :: options
      integer(c_size_t), value :: options_size
    end function
    integer(c_int) function c_read(checkpoint, path) bind(C, name='resume_read')
      import :: c_int, c_ptr, c_char
      type(c_ptr), intent(out) :: checkpoint
      character(kind=c_char), intent(in) :: path(*)
    end function
    integer(c_int) function c_protect(checkpoint, name, address, type, order, rank, shape) &
      bind(C, name='resume_protect_shape_as')
      import :: c_int, c_ptr, c_char, c_size_t
      type(c_ptr), value :: checkpoint, address
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int), value :: type, order
      integer(c_size_t), value :: rank
      integer(c_size_t), intent(in) :: shape(*)
    end function
    integer(c_int) function c_protect_value(checkpoint, name, address, type) &
      bind(C, name='resume_protect_value_as')
      import :: c_int, c_ptr, c_char
      type(c_ptr), value :: checkpoint, address
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int), value :: type
    end function
    integer(c_int) function c_protect_state(checkpoint, name, save, load, object) &
      bind(C, name='resume_protect_state')
      import :: c_int, c_ptr, c_funptr, c_char
      type(c_ptr), value :: checkpoint, object
      character(kind=c_char), intent(in) :: name(*)
      type(c_funptr), value :: save, load
    end function
    ! resume_write(writer, bytes, size), for the `save` of resume_protect_state
    integer(c_int) function resume_write(writer, bytes, size) bind(C, name='resume_write')
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: writer, bytes
      integer(c_size_t), value :: size
    end function
    integer(c_int) function c_unprotect(checkpoint, name) bind(C, name='resume_unprotect_as')
      import :: c_int, c_ptr, c_char
      type(c_ptr), value :: checkpoint
      character(kind=c_char), intent(in) :: name(*)
    end function
    integer(c_int) function c_restore(checkpoint, restored) bind(C, name='resume_restore')
      import :: c_int, c_ptr
      type(c_ptr), value :: checkpoint
      integer(c_int), intent(out) :: restored
    end function
    integer(c_int) function c_sync(checkpoint) bind(C, name='resume_sync_due')
      import :: c_int, c_ptr
      type(c_ptr), value :: checkpoint
    end function
    integer(c_int) function c_wait(checkpoint) bind(C, name='resume_wait')
      import :: c_int, c_ptr
      type(c_ptr), value :: checkpoint
    end function
    integer(c_int) function c_save(checkpoint) bind(C, name='resume_save')
      import :: c_int, c_ptr
      type(c_ptr), value :: checkpoint
    end function
    integer(c_int) function c_done(checkpoint) bind(C, name='resume_done')
      import :: c_int, c_ptr
      type(c_ptr), value :: checkpoint
    end function
    integer(c_int) function c_close(checkpoint) bind(C, name='resume_close')
      import :: c_int, c_ptr
      type(c_ptr), value :: checkpoint
    end function
    subroutine c_leave(checkpoint) bind(C, name='resume_leave')
      import :: c_ptr
      type(c_ptr), value :: checkpoint
    end subroutine
    subroutine c_look(checkpoint, info, info_size) bind(C, name='resume_look_sized')
      import :: c_ptr, c_info, c_size_t
      type(c_ptr), value :: checkpoint
      type(c_info), intent(out) :: info
      integer(c_size_t), value :: info_size
    end subroutine
    type(c_ptr) function c_report(checkpoint, fate, index) bind(C, name='resume_report')
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: checkpoint
      integer(c_int), value :: fate
      integer(c_size_t), value :: index
    end function
    type(c_ptr) function c_message(checkpoint) bind(C, name='resume_message')
      import :: c_ptr
      type(c_ptr), value :: checkpoint
    end function
    type(c_ptr) function c_status_name(status) bind(C, name='resume_status_name')
      import :: c_int, c_ptr
      integer(c_int), value :: status
    end function
    type(c_ptr) function c_status_text(status) bind(C, name='resume_status_text')
      import :: c_int, c_ptr
      integer(c_int), value :: status
    end function
    type(c_ptr) function c_version() bind(C, name='resume_version')
      import :: c_ptr
    end function
    integer(c_size_t) function c_strlen(text) bind(C, name='strlen')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
    end function
  end interface

  ! resume_protect(ck, name, variable): scalars and arrays of rank 1 to 8 (1 to 7 for characters) of
  ! integer(int8, int16, int32, int64), real(real32, real64), complex(real32, real64), logical
  ! (default, c_bool) and character. Arrays are stored with their order, and Python sees them as
  ! they are here: field(i, j) is field[i - 1, j - 1]. A default logical is stored as a number of
  ! its size, a character variable as bytes, blanks included. A variable without `target` does not
  ! compile ("no specific subroutine").
  interface resume_protect
    module procedure protect_int8, protect_int16, protect_int32, protect_int64, protect_real32, &
      protect_real64, protect_complex32, protect_complex64, protect_bool, protect_logical, &
      protect_character
  end interface

contains

  ! All but `ck` is optional; see resume_options in resume/resume.h. Without `name` the checkpoint
  ! is named PROGRAM.main.
  subroutine resume_open(ck, name, folder, rate_s, expire_ended_s, expire_cut_off_s, again, &
                         compress, keep_last, keep_hourly, keep_daily, clean, strict, &
                         any_program, independent_ranks, overhead, foreground)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in), optional :: name, folder
    real(real64), intent(in), optional :: rate_s, expire_ended_s, expire_cut_off_s, overhead
    integer, intent(in), optional :: again, compress, keep_last, keep_hourly, keep_daily
    logical, intent(in), optional :: clean, strict, any_program, independent_ranks, foreground
    character(kind=c_char, len=:), allocatable, target :: c_name, c_folder
    type(c_options) :: options
    type(c_ptr) :: name_address
    integer(c_int) :: ignored
    call resume_leave(ck)
    name_address = c_null_ptr
    if (present(name)) then
      c_name = trim(name)//c_null_char
      name_address = c_loc(c_name)
    end if
    if (present(folder)) then
      c_folder = trim(folder)//c_null_char
      options%folder = c_loc(c_folder)
    end if
    if (present(rate_s)) options%rate_s = rate_s
    if (present(overhead)) options%overhead = overhead
    if (present(expire_ended_s)) options%expire_ended_s = expire_ended_s
    if (present(expire_cut_off_s)) options%expire_cut_off_s = expire_cut_off_s
    if (present(again)) options%again = int(again, c_int)
    if (present(compress)) options%compress = int(compress, c_int)
    if (present(keep_last)) options%keep_last = int(keep_last, c_int)
    if (present(keep_hourly)) options%keep_hourly = int(keep_hourly, c_int)
    if (present(keep_daily)) options%keep_daily = int(keep_daily, c_int)
    options%clean = c_flag(clean)
    options%strict = c_flag(strict)
    options%any_program = c_flag(any_program)
    options%independent_ranks = c_flag(independent_ranks)
    options%foreground = c_flag(foreground)
    ignored = c_open(ck%handle, name_address, c_null_ptr, options, c_sizeof(options)) ! sticky
  end subroutine

  ! Any checkpoint file, for reading alone.
  subroutine resume_read(ck, path)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: path
    integer(c_int) :: ignored
    call resume_leave(ck)
    ignored = c_read(ck%handle, trim(path)//c_null_char)
  end subroutine

  subroutine protect_int8(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    integer(int8), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_int8, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_int16(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    integer(int16), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_int16, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_int32(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    integer(int32), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_int32, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_int64(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    integer(int64), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_int64, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_real32(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    real(real32), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_float32, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_real64(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    real(real64), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_float64, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_complex32(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    complex(real32), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_complex64, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_complex64(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    complex(real64), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_complex128, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_bool(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    logical(c_bool), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_bool, shape(variable, c_size_t), &
                 is_contiguous(variable))
  end subroutine

  subroutine protect_logical(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    logical, pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), merge(of_int32, of_int64, storage_size(.true.) == 32), &
                 shape(variable, c_size_t), is_contiguous(variable))
  end subroutine

  subroutine protect_character(ck, name, variable)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    character(len=*), pointer, intent(in) :: variable(..)
    call protect(ck, name, c_loc(variable), of_char, &
                 [int(len(variable), c_size_t), shape(variable, c_size_t)], is_contiguous(variable))
  end subroutine

  ! What all kinds have in common. A scalar has no shape.
  subroutine protect(ck, name, address, type, extents, contiguous)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    type(c_ptr), intent(in) :: address
    integer(c_int), intent(in) :: type
    integer(c_size_t), intent(in) :: extents(:)
    logical, intent(in) :: contiguous
    character(kind=c_char, len=:), allocatable :: c_name
    integer(c_int) :: ignored
    if (allocated(ck%trouble)) return
    if (.not. c_associated(ck%handle)) then
      ck%trouble = 'resume_open has not been called'
    else if (.not. contiguous) then
      ck%trouble = "'"//trim(name)//"' is not contiguous; protect the whole array"
    end if
    if (allocated(ck%trouble)) return
    c_name = trim(name)//c_null_char
    if (size(extents) == 0) then
      ignored = c_protect_value(ck%handle, c_name, address, type)
    else
      ignored = c_protect(ck%handle, c_name, address, type, columns, &
                          size(extents, kind=c_size_t), extents)
    end if
  end subroutine

  ! State behind functions: c_funloc of bind(C) functions, see resume_protect_state in
  ! resume/resume.h.
  subroutine resume_protect_state(ck, name, save, load, object)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    type(c_funptr), value, intent(in) :: save, load ! by reference gfortran makes text relocations
    type(c_ptr), intent(in) :: object
    integer(c_int) :: ignored
    if (.not. c_associated(ck%handle)) ck%trouble = 'resume_open has not been called'
    if (allocated(ck%trouble)) return
    ignored = c_protect_state(ck%handle, trim(name)//c_null_char, save, load, object)
  end subroutine

  ! The state of random_number, named 'random_number'.
  subroutine resume_protect_random(ck)
    type(resume_checkpoint), intent(inout) :: ck
    call resume_protect_state(ck, 'random_number', c_funloc(save_random), c_funloc(load_random), &
                              c_null_ptr)
  end subroutine

  integer(c_int) function save_random(object, writer) bind(C)
    type(c_ptr), value :: object, writer
    integer, allocatable, target :: seed(:)
    integer :: count
    if (c_associated(object)) continue ! not used
    call random_seed(size=count)
    allocate (seed(count))
    call random_seed(get=seed)
    save_random = resume_write(writer, c_loc(seed), count * c_sizeof(count))
  end function

  integer(c_int) function load_random(object, bytes, size) bind(C)
    type(c_ptr), value :: object, bytes
    integer(c_size_t), value :: size
    integer, pointer :: seed(:)
    integer :: count
    if (c_associated(object)) continue ! not used
    call random_seed(size=count)
    load_random = 1 ! another compiler's
    if (size /= int(count, c_size_t) * c_sizeof(count)) return
    call c_f_pointer(bytes, seed, [count])
    call random_seed(put=seed)
    load_random = 0
  end function

  integer function resume_unprotect(ck, name) result(status)
    type(resume_checkpoint), intent(inout) :: ck
    character(len=*), intent(in) :: name
    status = own_status(ck)
    if (status == 0) status = c_unprotect(ck%handle, trim(name)//c_null_char)
  end function

  ! RESUME_MISUSE after an error of this module.
  integer function own_status(ck)
    type(resume_checkpoint), intent(inout) :: ck
    if (.not. c_associated(ck%handle) .and. .not. allocated(ck%trouble)) &
      ck%trouble = 'resume_open has not been called'
    own_status = merge(RESUME_MISUSE, RESUME_OK, allocated(ck%trouble))
  end function

  integer function resume_restore(ck, restored) result(status)
    type(resume_checkpoint), intent(inout) :: ck
    logical, intent(out), optional :: restored
    integer(c_int) :: was
    was = 0
    status = own_status(ck)
    if (status == 0) status = c_restore(ck%handle, was)
    if (present(restored)) restored = was /= 0
  end function

  integer function resume_sync(ck) result(status)
    type(resume_checkpoint), intent(inout) :: ck
    status = own_status(ck)
    if (status == 0) status = c_sync(ck%handle)
  end function

  integer function resume_save(ck) result(status)
    type(resume_checkpoint), intent(inout) :: ck
    status = own_status(ck)
    if (status == 0) status = c_save(ck%handle)
  end function

  integer function resume_wait(ck) result(status)
    type(resume_checkpoint), intent(inout) :: ck
    status = own_status(ck)
    if (status == 0) status = c_wait(ck%handle)
  end function

  integer function resume_done(ck) result(status)
    type(resume_checkpoint), intent(inout) :: ck
    status = own_status(ck)
    if (status == 0) status = c_done(ck%handle)
  end function

  ! After an error of this module no end is recorded. Closing twice is allowed.
  integer function resume_close(ck) result(status)
    type(resume_checkpoint), intent(inout) :: ck
    status = merge(RESUME_MISUSE, RESUME_OK, allocated(ck%trouble))
    if (status /= 0) then
      call resume_leave(ck)
    else
      status = c_close(ck%handle)
      ck%handle = c_null_ptr
    end if
  end function

  subroutine resume_leave(ck)
    type(resume_checkpoint), intent(inout) :: ck
    call c_leave(ck%handle)
    ck%handle = c_null_ptr
    if (allocated(ck%trouble)) deallocate (ck%trouble)
  end subroutine

  function resume_look(ck) result(information)
    type(resume_checkpoint), intent(in) :: ck
    type(resume_information) :: information
    type(c_info) :: info
    if (.not. c_associated(ck%handle)) return
    call c_look(ck%handle, info, c_sizeof(info))
    information%path = text_of(info%path)
    information%warning = text_of(info%warning)
    information%aside = text_of(info%aside)
    information%found = info%found
    information%generation = info%generation
    information%saved_ns = info%saved_ns
    information%saves = info%saves
    information%failures = info%failures
    information%bytes_written = info%bytes_written
    information%state_size = info%state_size
  end function

  ! The name of number `index`, from 1, of the variables with this fate; '' when there are no more.
  function resume_report(ck, fate, index) result(name)
    type(resume_checkpoint), intent(in) :: ck
    integer, intent(in) :: fate, index
    character(len=:), allocatable :: name
    name = ''
    if (c_associated(ck%handle) .and. index > 0) &
      name = text_of(c_report(ck%handle, int(fate, c_int), int(index - 1, c_size_t)))
  end function

  function resume_message(ck) result(text)
    type(resume_checkpoint), intent(in) :: ck
    character(len=:), allocatable :: text
    if (allocated(ck%trouble)) then
      text = ck%trouble
    else if (c_associated(ck%handle)) then
      text = text_of(c_message(ck%handle))
    else
      text = ''
    end if
  end function

  function resume_status_name(status) result(text)
    integer, intent(in) :: status
    character(len=:), allocatable :: text
    text = text_of(c_status_name(int(status, c_int)))
  end function

  function resume_status_text(status) result(text)
    integer, intent(in) :: status
    character(len=:), allocatable :: text
    text = text_of(c_status_text(int(status, c_int)))
  end function

  function resume_version() result(text)
    character(len=:), allocatable :: text
    text = text_of(c_version())
  end function

  ! A copy of text of C; '' for NULL.
  function text_of(address) result(text)
    type(c_ptr), intent(in) :: address
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: bytes(:)
    integer :: i
    text = ''
    if (.not. c_associated(address)) return
    call c_f_pointer(address, bytes, [c_strlen(address)])
    text = repeat(' ', size(bytes))
    do i = 1, size(bytes)
      text(i:i) = bytes(i)
    end do
  end function

  integer(c_int) function c_flag(flag)
    logical, intent(in), optional :: flag
    c_flag = 0
    if (present(flag)) c_flag = merge(1_c_int, 0_c_int, flag)
  end function
end module
