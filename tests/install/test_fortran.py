"""The Fortran module: every kind and rank, column order, errors."""
import re
import subprocess

import pytest
from installed import compilers

import resume

pytestmark = pytest.mark.skipif(not compilers("fortran"), reason="no gfortran")

EVERYTHING = """
program everything
  use, intrinsic :: iso_c_binding
  use, intrinsic :: iso_fortran_env
  use resume
  implicit none
  integer(int8), target :: i1 = 0
  integer(int16), target :: i2(3) = 0
  integer(int32), target :: i4(2, 3) = 0
  integer(int64), target :: i8 = 0
  real(real32), target :: r4(2, 2, 2) = 0
  real(real64), target :: r8 = 0
  real(real64), allocatable, target :: field(:, :, :, :)
  real(real64), pointer :: pointed(:)
  complex(real32), target :: c4 = 0
  complex(real64), target :: c8(4) = 0
  logical, target :: flag = .false., flags(3) = .false.
  logical(c_bool), target :: small = .false.
  character(len=10), target :: text = '', texts(2) = ''
  real(real64), target :: deep(1, 2, 1, 2, 1, 2, 1, 2) = 0
  type :: thing
    integer :: n = 0
    real(real64) :: x(2) = 0
  end type
  type(thing), target :: component
  type(resume_checkpoint) :: ck
  type(resume_information) :: info
  logical :: restored
  real(real64) :: dice(100), wanted(100)
  integer :: i

  allocate (field(-1:2, 3, 2, 2), pointed(5))
  field = 0
  pointed = 0
  call resume_open(ck, 'everything')
  call resume_protect(ck, 'i1', i1)
  call resume_protect(ck, 'i2', i2)
  call resume_protect(ck, 'i4', i4)
  call resume_protect(ck, 'i8', i8)
  call resume_protect(ck, 'r4', r4)
  call resume_protect(ck, 'r8', r8)
  call resume_protect(ck, 'field', field)
  call resume_protect(ck, 'pointed', pointed)
  call resume_protect(ck, 'c4', c4)
  call resume_protect(ck, 'c8', c8)
  call resume_protect(ck, 'flag', flag)
  call resume_protect(ck, 'flags', flags)
  call resume_protect(ck, 'small', small)
  call resume_protect(ck, 'text', text)
  call resume_protect(ck, 'texts', texts)
  call resume_protect(ck, 'deep', deep)
  call resume_protect(ck, 'component.n', component%n)
  call resume_protect(ck, 'component.x', component%x)
  call resume_protect_random(ck)
  if (resume_restore(ck, restored) /= 0) error stop resume_message(ck)
  if (.not. restored) then
    i1 = -127_int8
    i2 = [1_int16, -32767_int16, 3_int16]
    i4 = reshape([1, 2, 3, 4, 5, 6], [2, 3])
    i8 = huge(i8)
    r4 = 0.1
    r8 = -0.0_real64
    field = reshape([(real(i, real64), i=1, size(field))], shape(field))
    pointed = 0.1_real64
    c4 = (1, -2)
    c8 = (0.1_real64, 1d300)
    flag = .true.
    flags(2) = .true.
    small = .true.
    text = 'Fortran'
    texts = ['one', 'two']
    deep = reshape([(real(i, real64), i=1, 16)], shape(deep))
    component%n = 7
    component%x = [1, 2]
    call random_number(dice)
    if (resume_save(ck) /= 0) error stop resume_message(ck)
    call random_number(wanted)
    open (1, file='wanted', access='stream')
    write (1) wanted
    if (resume_done(ck) /= 0) error stop resume_message(ck) ! the state is another now
    call random_number(wanted)
    write (1) wanted
    close (1)
  else
    call random_number(dice)
    open (1, file='wanted', access='stream')
    read (1) wanted
    read (1) wanted
    if (any(dice /= wanted)) error stop 'random_number'
    if (i1 /= -127_int8 .or. any(i2 /= [1_int16, -32767_int16, 3_int16])) error stop 'i1 i2'
    if (any(i4 /= reshape([1, 2, 3, 4, 5, 6], [2, 3])) .or. i8 /= huge(i8)) error stop 'i4 i8'
    if (any(r4 /= 0.1) .or. r8 /= 0 .or. sign(1d0, r8) > 0) error stop 'r4 r8'
    if (any(field /= reshape([(real(i, real64), i=1, size(field))], shape(field)))) error stop 'f'
    if (any(pointed /= 0.1_real64)) error stop 'pointed'
    if (c4 /= (1, -2) .or. any(c8 /= (0.1_real64, 1d300))) error stop 'complex'
    if (.not. flag .or. any(flags .neqv. [.false., .true., .false.])) error stop 'logical'
    if (.not. small .or. text /= 'Fortran' .or. any(texts /= ['one', 'two'])) error stop 'text'
    if (any(deep /= reshape([(real(i, real64), i=1, 16)], shape(deep)))) error stop 'deep'
    if (component%n /= 7 .or. any(component%x /= [1, 2])) error stop 'component'
    info = resume_look(ck)
    if (info%found /= RESUME_FOUND_ENDED .or. info%generation < 2) error stop 'info'
    if (resume_report(ck, RESUME_RESTORED, 1) /= 'i1') error stop 'report'
    if (resume_report(ck, RESUME_MISSING, 1) /= '') error stop 'missing'
    print '(a)', resume_version()//' '//info%path
  end if
  if (resume_close(ck) /= 0) error stop 'close'
  if (resume_close(ck) /= 0) error stop 'close twice'
  deallocate (field, pointed)
end program
"""


def test_every_kind_and_rank_comes_back(compiled):
    work = compiled("gfortran", EVERYTHING, "-Wno-compare-reals")
    work.run().check()
    assert work.run().check().out.strip().endswith("/.checkpoints/everything")


def test_python_sees_the_same_indices(compiled):
    numpy = pytest.importorskip("numpy")
    work = compiled("gfortran", EVERYTHING, "-Wno-compare-reals")
    work.run().check()
    state = resume.load(work.folder / ".checkpoints/everything")
    field = numpy.asarray(state["field"])
    assert field.shape == (4, 3, 2, 2) and field[1, 0, 0, 0] == 2 and field[0, 1, 0, 0] == 5
    assert field.flags.f_contiguous
    assert numpy.asarray(state["i4"]).tolist() == [[1, 3, 5], [2, 4, 6]]
    assert bytes(state["text"]) == b"Fortran   " and state["small"] is True
    assert state["c4"] == 1 - 2j and state["component.n"] == 7


ERRORS = """
program errors
  use resume
  implicit none
  integer, target :: step = 0
  real(8), target :: field(4, 4) = 0
  real(8), pointer :: part(:, :), nowhere(:)
  type(resume_checkpoint) :: ck, other
  character(len=20) :: how
  logical :: restored
  call get_command_argument(1, how)
  nullify (nowhere)
  part => field(1:4:2, :)
  if (how /= 'unopened') call resume_open(ck, 'errors')
  select case (how)
  case ('section')
    call resume_protect(ck, 'part', part)
  case ('nowhere')
    call resume_protect(ck, 'nowhere', nowhere)
  case ('twice')
    call resume_protect(ck, 'step', step)
    call resume_protect(ck, 'step', step)
  case ('locked')
    call resume_open(other, 'errors')
    call show(resume_restore(other), resume_message(other))
  case ('unopened')
    call resume_protect(ck, 'step', step)
  case ('bad name')
    call resume_open(ck, '')
  end select
  call resume_protect(ck, 'field', field)
  call show(resume_restore(ck, restored), resume_message(ck))
  call show(resume_sync(ck), '')
  call resume_leave(ck)
contains
  subroutine show(status, text)
    integer, intent(in) :: status
    character(len=*), intent(in) :: text
    print '(3a)', resume_status_name(status), ' ', text
  end subroutine
end program
"""


def test_errors_come_out_of_restore(compiled):
    work = compiled("gfortran", ERRORS)

    def shown(how):
        return work.run(how).check().out.splitlines()
    assert shown("section")[0].startswith("RESUME_MISUSE 'part' is not contiguous")
    assert shown("section")[1].startswith("RESUME_MISUSE")
    assert shown("nowhere")[0].startswith("RESUME_MISUSE ")
    assert shown("twice")[0].startswith("RESUME_MISUSE ") and "'step'" in shown("twice")[0]
    assert shown("locked")[0].startswith("RESUME_LOCKED ")
    assert shown("unopened")[0].startswith("RESUME_MISUSE resume_open")
    assert shown("bad name")[0].startswith("RESUME_BAD_NAME ")
    assert shown("fine") == ["RESUME_OK ", "RESUME_OK "]


def test_a_variable_without_target_does_not_compile(installed, tmp_path):
    source = tmp_path / "a.f90"
    text = """
        program a
          use resume
          type(resume_checkpoint) :: ck
          integer, target :: n = 0
          call resume_open(ck, 'a')
          call resume_protect(ck, 'n', n)
          call resume_leave(ck)
        end program
        """
    source.write_text(text)
    installed.build("gfortran", source)
    source.write_text(text.replace(", target", ""))
    built = installed.compile("gfortran", source)
    assert built.code != 0 and "no specific subroutine" in built.said


def test_the_numbers_are_those_of_c(installed):
    """The module repeats the numbers of the C header: they must stay the same."""
    module = (installed.include / "resume/resume.f90").read_text()
    declared = dict(re.findall(r"\b(RESUME_[A-Z_]+) = (-?\d+)", module))
    assert len(declared) > 30
    for number in ("RESUME_EVERY_SYNC", "RESUME_AUTO"):  # no integers
        declared.pop(number)
    checks = "\n".join(f"_Static_assert({name} == {number}, \"{name}\");"
                       for name, number in declared.items())
    kinds = {"bool": "BOOL", "char": "CHAR", "int8": "INT8", "int16": "INT16", "int32": "INT32",
             "int64": "INT64", "float32": "FLOAT32", "float64": "FLOAT64",
             "complex64": "COMPLEX64", "complex128": "COMPLEX128"}
    numbers = dict(re.findall(r"\bof_(\w+) = (\d+)", module))
    assert numbers.keys() == kinds.keys()
    checks += "\n".join(f"_Static_assert(RESUME_{kinds[kind]} == {number}, \"{kind}\");"
                        for kind, number in numbers.items())
    table = (installed.include / "resume/status.h").read_text()
    statuses = re.findall(r"^\s*X\((\w+), \d+,", table, re.M)
    assert {f"RESUME_{name}" for name in statuses} <= declared.keys()
    source = installed.programs / "numbers.c"
    source.write_text(f"#include <resume/resume.h>\n{checks}\n")
    subprocess.run(["gcc", "-fsyntax-only", f"-I{installed.include}", source], check=True)


@pytest.mark.parametrize("name", ["options", "info"])
def test_the_structs_are_those_of_c(installed, name):
    """The module repeats two structs of the C header: same members, same order, same sizes."""
    header = (installed.include / "resume/resume.h").read_text()
    module = (installed.include / "resume/resume.f90").read_text()
    text = re.search(rf"typedef struct resume_{name} {{(.*?)}} resume_{name};", header, re.S)[1]
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    kinds = {"const char *": "type(c_ptr)", "double ": "real(c_double)",
             "unsigned ": "integer(c_int)", "int ": "integer(c_int)",
             "resume_again ": "integer(c_int)", "resume_compress ": "integer(c_int)",
             "resume_found ": "integer(c_int)", "uint64_t ": "integer(c_int64_t)",
             "int64_t ": "integer(c_int64_t)"}
    wanted = []
    for line in filter(None, map(str.strip, text.split(";"))):
        kind = next(kind for kind in kinds if line.startswith(kind))
        wanted += [(kinds[kind], member.strip()) for member in line[len(kind):].split(",")]
    text = re.search(rf"type, bind\(C\) :: c_{name}\n(.*?)end type", module, re.S)[1]
    found = []
    for line in filter(None, map(str.strip, text.replace("&\n", "").split("\n"))):
        kind, _, members = line.partition(" :: ")
        found += [(kind, member.split("=")[0].strip()) for member in members.split(", ")]
    assert found == wanted and len(found) > 9


def test_options_and_information_arrive(compiled):
    work = compiled("gfortran", """
        program sizes
          use resume
          implicit none
          type(resume_checkpoint) :: ck
          type(resume_information) :: info
          integer, target :: n = 3
          call resume_open(ck, 'sizes', rate_s=-1d0, clean=.true., keep_last=4, strict=.true.)
          call resume_protect(ck, 'n', n)
          if (resume_restore(ck) /= 0) error stop resume_message(ck)
          if (resume_sync(ck) /= 0) error stop resume_message(ck)
          if (resume_sync(ck) /= 0) error stop resume_message(ck)
          if (resume_wait(ck) /= 0) error stop resume_message(ck)
          info = resume_look(ck)
          print '(3(i0, 1x), 3a)', info%saves, info%generation, info%failures, '"', &
            info%warning, '"'
          if (resume_close(ck) /= 0) error stop 'close'
        end program
        """)
    assert work.run().check().out == '2 2 0 ""\n'
