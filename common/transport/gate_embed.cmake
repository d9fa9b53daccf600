# Joins PARTS into FOLDER/gate.lua, and writes FOLDER/gate_library.c that holds the same bytes.
set(library "")
foreach(part ${PARTS})
  file(READ ${part} text)
  string(APPEND library "${text}\n")
endforeach()
file(WRITE ${FOLDER}/gate.lua "${library}")
file(READ ${FOLDER}/gate.lua bytes HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${FOLDER}/gate_library.c
     "#include \"common/transport/gate_library.h\"\n\nconst char gate_library[] = {${bytes}0};\n")
