! A drum is struck at random places: allocatable arrays, a random generator, a run that goes on.
!
!     gfortran $(pkg-config --variable=fortran resume) wave.f90 $(pkg-config --libs resume) -o wave
!     ./wave [STEPS [SECONDS]]     steps in all, seconds between two saves
program wave
  use, intrinsic :: iso_fortran_env, only: int64, real64, error_unit
  use resume
  implicit none
  integer, parameter :: size_x = 200, size_y = 120
  ! What is saved has the attribute `target`: the library keeps its address.
  real(real64), allocatable, target :: now(:, :), before(:, :)
  real(real64), allocatable :: next(:, :)
  complex(real64), target :: tone = 0 ! one mode of the drum, followed in time
  integer(int64), target :: step = 0
  integer, target :: strokes(4) = 0 ! in each quarter
  logical, target :: loud = .false.
  character(len=12), target :: phase = 'silent'
  integer(int64) :: steps
  real(real64) :: seconds
  type(resume_checkpoint) :: ck
  logical :: restored

  call read_arguments(steps, seconds)
  allocate (now(size_x, size_y), before(size_x, size_y), next(size_x, size_y))
  now = 0
  before = 0
  next = 0
  call random_seed_fixed(42)

  call resume_open(ck, 'wave', rate_s=seconds)
  call resume_protect(ck, 'step', step)
  call resume_protect(ck, 'now', now)
  call resume_protect(ck, 'before', before)
  call resume_protect(ck, 'tone', tone)
  call resume_protect(ck, 'strokes', strokes)
  call resume_protect(ck, 'loud', loud)
  call resume_protect(ck, 'phase', phase)
  call resume_protect_random(ck) ! random_number
  if (resume_restore(ck, restored) /= 0) error stop 'wave: '//resume_message(ck)
  if (restored) write (error_unit, '(a, i0)') 'wave: goes on from step ', step

  do while (step < steps)
    call advance()
    step = step + 1
    ! Saves when the time has come; here all that is saved belongs together.
    if (resume_sync(ck) /= 0) write (error_unit, '(2a)') 'wave: ', resume_message(ck)
  end do

  print '(i0, a, 4(1x, i0), 3a, l2)', step, ' steps, strokes', strokes, ', ', trim(phase), ',', loud
  print '(a, 2(1x, z16.16), a, z16.16)', 'tone', tone, ', checksum ', checksum(now)
  if (resume_close(ck) /= 0) error stop 'wave: the end could not be recorded'
  deallocate (now, before, next) ! not before: the library keeps their addresses

contains

  subroutine advance()
    real(real64) :: dice(3)
    integer :: x, y
    call random_number(dice)
    if (dice(1) < 0.01) then
      x = 2 + int(dice(2) * (size_x - 2))
      y = 2 + int(dice(3) * (size_y - 2))
      now(x, y) = now(x, y) + 1
      x = 1 + merge(1, 0, dice(2) > 0.5) + merge(2, 0, dice(3) > 0.5)
      strokes(x) = strokes(x) + 1
    end if
    do y = 2, size_y - 1
      do x = 2, size_x - 1
        next(x, y) = 1.999_real64 * now(x, y) - 0.999_real64 * before(x, y) &
                     + 0.2_real64 * (now(x - 1, y) + now(x + 1, y) + now(x, y - 1) + now(x, y + 1) &
                                     - 4 * now(x, y))
      end do
    end do
    before = now
    now = next
    tone = tone * (0.8_real64, 0.6_real64) + now(66, 40)
    loud = maxval(abs(now)) > 0.5
    phase = merge('loud        ', 'fading      ', loud)
  end subroutine

  ! Another result when a single bit differs.
  function checksum(field) result(sum)
    real(real64), intent(in) :: field(:, :)
    integer(int64) :: sum
    integer :: x, y
    sum = 0
    do y = 1, size(field, 2)
      do x = 1, size(field, 1)
        sum = ieor(ishftc(sum, 7), transfer(field(x, y), sum))
      end do
    end do
  end function

  subroutine random_seed_fixed(number)
    integer, intent(in) :: number
    integer, allocatable :: seed(:)
    integer :: count, i
    call random_seed(size=count)
    seed = [(number + 7919 * i, i=1, count)]
    call random_seed(put=seed)
  end subroutine

  subroutine read_arguments(steps, seconds)
    integer(int64), intent(out) :: steps
    real(real64), intent(out) :: seconds
    character(len=32) :: text
    steps = 20000
    seconds = 0.5_real64
    call get_command_argument(1, text)
    if (text /= '') read (text, *) steps
    call get_command_argument(2, text)
    if (text /= '') read (text, *) seconds
  end subroutine
end program
