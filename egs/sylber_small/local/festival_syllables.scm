;; Speaks texts with festival and writes the times of syllables that it made them with.
;;
;; festival -b festival_syllables.scm '(speak_all "VOICE" "TEXTS.scm" "DIR")'
;;
;; TEXTS.scm holds ("KEY" "TEXT") after ("KEY" "TEXT"). Each gives DIR/KEY.wav, at the voice's rate,
;; and DIR/KEY.syl with a line "start end phone-phone-..." a syllable, in seconds. Pauses are in none.

(define (write_phones syllable fd)
  (let ((phones (item.relation.daughters syllable 'SylStructure)) (between ""))
    (mapcar (lambda (phone)
              (format fd "%s%s" between (item.name phone))
              (set! between "-"))
            phones)))

(define (write_syllable syllable fd)
  (format fd "%f %f "
          (item.feat syllable 'R:SylStructure.daughter1.segment_start)
          (item.feat syllable 'R:SylStructure.daughtern.end))
  (write_phones syllable fd)
  (format fd "\n"))

(define (speak key text dir)
  (let ((utterance (eval (list 'Utterance 'Text text))) fd)
    (utt.synth utterance)
    (utt.save.wave utterance (string-append dir "/" key ".wav") 'riff)
    (set! fd (fopen (string-append dir "/" key ".syl") "w"))
    (mapcar (lambda (syllable) (write_syllable syllable fd))
            (utt.relation.items utterance 'Syllable))
    (fclose fd)))

;; Voices know their packages only once the list was made.
(voice.list)

(define (speak_all voice texts dir)
  (eval (list (intern (string-append "voice_" voice))))
  (mapcar (lambda (line) (speak (car line) (cadr line) dir))
          (load texts t)))
