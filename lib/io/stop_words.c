#include "lib/io/stop_words.h"

const char syl_english_stop_words[] =
    /* articles and demonstratives */
    "a\nan\nthe\nthis\nthat\nthese\nthose\nsuch\n"
    /* pronouns */
    "i\nme\nmy\nmine\nmyself\nwe\nus\nour\nours\nourselves\nyou\nyour\nyours\nyourself\n"
    "yourselves\nhe\nhim\nhis\nhimself\nshe\nher\nhers\nherself\nit\nits\nitself\nthey\nthem\n"
    "their\ntheirs\nthemselves\none\nones\noneself\nwho\nwhom\nwhose\nwhich\nwhat\nwhoever\n"
    "whatever\nwhichever\nsomeone\nsomebody\nsomething\nanyone\nanybody\nanything\neveryone\n"
    "everybody\neverything\nnobody\nnothing\nnone\n"
    /* to be, to have, to do, and the modal verbs */
    "am\nis\nare\nwas\nwere\nbe\nbeen\nbeing\nhave\nhas\nhad\nhaving\ndo\ndoes\ndid\ndone\n"
    "doing\ncan\ncannot\ncould\nmay\nmight\nmust\nshall\nshould\nwill\nwould\nought\nneed\ndare\n"
    "let\n"
    /* what is left of contractions once an apostrophe separates */
    "don\ndoesn\ndidn\nisn\naren\nwasn\nweren\nhasn\nhaven\nhadn\nwon\nwouldn\nshan\nshouldn\n"
    "couldn\nmustn\nmightn\nneedn\nain\nll\nve\nre\nim\nive\nid\ndont\ndoesnt\ndidnt\nisnt\n"
    "cant\nwont\nthats\n"
    /* prepositions */
    "about\nabove\nacross\nafter\nagainst\nalong\nalongside\namid\namong\namongst\naround\nas\n"
    "at\nbefore\nbehind\nbelow\nbeneath\nbeside\nbesides\nbetween\nbeyond\nby\ndespite\ndown\n"
    "during\nexcept\nfor\nfrom\nin\ninside\ninto\nlike\nnear\nof\noff\non\nonto\nout\noutside\n"
    "over\npast\nper\nsince\nthrough\nthroughout\ntill\nto\ntoward\ntowards\nunder\nunderneath\n"
    "until\nunto\nup\nupon\nvia\nwith\nwithin\nwithout\n"
    /* conjunctions */
    "and\nor\nbut\nnor\nso\nyet\nif\nunless\nbecause\nalthough\nthough\nwhile\nwhilst\nwhereas\n"
    "whether\nthan\nthen\neither\nneither\nboth\nlest\nonce\n"
    /* place, time and manner */
    "here\nthere\nwhere\nwherever\neverywhere\nanywhere\nsomewhere\nnowhere\nwhen\nwhenever\n"
    "now\never\nnever\nalways\noften\nsometimes\nseldom\nusually\nagain\nalready\nsoon\nlater\n"
    "still\njust\nhow\nhowever\nwhy\nthus\nhence\ntherefore\nthereby\ntherein\nthereafter\n"
    "thereupon\nherein\nhereby\nhereafter\nwhereby\nwherein\nwhereupon\nmeanwhile\notherwise\n"
    "else\ninstead\nindeed\nperhaps\nmaybe\nrather\nquite\nvery\ntoo\nalso\neven\nonly\nalmost\n"
    "enough\nwell\nmuch\nmore\nmost\nless\nleast\nmany\nfew\nfewer\nseveral\nsome\nany\nall\n"
    "each\nevery\nother\nothers\nanother\nsame\nown\nnot\nno\nyes\naway\nback\ntogether\napart\n"
    "ago\nfar\nfurther\nfurthermore\nmoreover\nnevertheless\nnonetheless\nsomehow\nsomewhat\n"
    "especially\nmostly\nmainly\nmerely\nsimply\nreally\nactually\n"
    /* frequent words of little content */
    "get\ngets\ngot\ngetting\ngo\ngoes\ngoing\ngone\nwent\ncome\ncomes\ncame\nmake\nmakes\nmade\n"
    "making\ntake\ntakes\ntook\ntaken\ngive\ngives\ngave\ngiven\nput\nsay\nsays\nsaid\nsee\n"
    "seen\nseem\nseems\nseemed\nuse\nused\nusing\netc\nie\neg\nvs\nmr\nmrs\nms\ndr\n"
    /* numbers */
    "two\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\nfirst\nsecond\nthird\nlast\nnext\n";
